"""AMFACPose for MMPose. Importing this package is light: modules and mends are applied when their packages load."""

__version__ = '0.1.0'

from mmpose_amfac.compat import install

install()
del install

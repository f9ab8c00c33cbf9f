"""Loads mmpose_amfac at every start of this Python, so that MMPose's own scripts know our models unchanged.

It is a line in a ``.pth`` file of site-packages, written and removed on request only.
"""

import os
import sysconfig
from pathlib import Path

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.paths import PACKAGE

NAME = 'mmpose_amfac_autoload.pth'

# a file that outlives the package must not complain at every start
LINE = "import importlib.util; importlib.util.find_spec('mmpose_amfac') and __import__('mmpose_amfac')\n"


def site_packages() -> Path:
    """Where this Python looks for ``.pth`` files."""
    return Path(sysconfig.get_path('purelib'))


def install(folder: Path | None = None) -> Path:
    """Write the file, into this Python's site-packages unless told otherwise."""
    folder = folder or site_packages()
    file = folder / NAME
    # a checkout is found by nobody else; an installed package lies beside the file
    path = '' if PACKAGE.parent.resolve() == folder.resolve() else f'{PACKAGE.parent}\n'
    # Python reads whatever ends in .pth, so a half-written file has another ending until it is complete
    part = folder / f'{NAME}.{os.getpid()}'
    try:
        part.write_text(path + LINE, encoding='utf-8')
        part.replace(file)
    except OSError as error:
        raise AMFACError(f'{file}: cannot be written ({error.strerror}); use a virtual environment') from error
    return file


def remove(folder: Path | None = None) -> Path | None:
    """Remove the file; None if there is none."""
    file = (folder or site_packages()) / NAME
    try:
        file.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AMFACError(f'{file}: cannot be removed ({error.strerror})') from error
    return file

"""What every measured figure is written with."""

import os
import platform
from importlib.metadata import version

from mmpose_amfac import __version__
from mmpose_amfac.apis.report import commit, cpu_name


def load() -> float:
    """Load of the machine over the last minute."""
    return round(os.getloadavg()[0], 2)


def environment(*packages: str, device: str | None = None) -> dict:
    """Device, load, versions and commit at this moment.

    Args:
        packages: installed distributions that take part.
        device: name of what computes; the processor unless given.
    """
    return dict(device=device or cpu_name(), load=load(), commit=commit(),
                versions=dict(python=platform.python_version(), mmpose_amfac=__version__,
                              **{name: version(name) for name in packages}))

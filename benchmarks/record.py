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
    """Device, versions and commit; the load of the machine is a matter of each measurement.

    Args:
        packages: installed distributions that take part.
        device: name of what computes; the processor unless given.
    """
    return dict(device=device or cpu_name(), commit=commit(),
                versions=dict(python=platform.python_version(), mmpose_amfac=__version__,
                              **{name: version(name) for name in packages}))

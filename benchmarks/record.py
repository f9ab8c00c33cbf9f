"""What every measured figure is written with."""

import os
import platform
from functools import cache
from importlib.metadata import packages_distributions, version

from mmpose_amfac import __version__
from mmpose_amfac.apis.report import commit, cpu_name


def load() -> float:
    """Load of the machine over the last minute."""
    return round(os.getloadavg()[0], 2)


def environment(*modules: str, device: str | None = None) -> dict:
    """Device, versions and commit; the load of the machine is a matter of each measurement.

    Args:
        modules: that take part, by the name that is imported; what is not installed has no version.
        device: name of what computes; the processor unless given.
    """
    return dict(device=device or cpu_name(), commit=commit(),
                versions=dict(python=platform.python_version(), mmpose_amfac=__version__, **_versions(modules)))


def _versions(modules) -> dict[str, str]:
    known = _distributions()
    return {name: version(name) for module in modules for name in known.get(module, ())[:1]}


@cache
def _distributions() -> dict[str, list[str]]:
    """Module -> what installed it: one module may come from several distributions (cv2, onnxruntime)."""
    return packages_distributions()

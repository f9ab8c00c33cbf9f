"""Serves a stand-in for xtcocotools where the real one is absent or cannot be loaded.

MMPose imports xtcocotools at top level. Its wheels are built for numpy 1 and die on numpy 2 with ``ValueError:
numpy.dtype size changed`` (jin-s13/xtcocoapi#45); building it from source needs a compiler.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

NAME = 'xtcocotools'
STAND_IN = Path(__file__).with_name(NAME)


def _works(spec) -> bool:
    """Whether the one compiled part, ``_mask``, of the package can be loaded."""
    mask = PathFinder.find_spec(f'{NAME}._mask', spec.submodule_search_locations)
    if mask is None:
        return False
    try:
        mask.loader.exec_module(importlib.util.module_from_spec(mask))
    except (ImportError, ValueError, AttributeError):
        return False
    return True


class Finder:
    """Stands first in ``sys.meta_path``: the ordinary finders would find the broken package and be content."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname != NAME:
            return None
        real = PathFinder.find_spec(NAME)
        if real is not None and _works(real):
            return real
        return importlib.util.spec_from_file_location(
            NAME, STAND_IN / '__init__.py', submodule_search_locations=[str(STAND_IN)]
        )


def install() -> None:
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)

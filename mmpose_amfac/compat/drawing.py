"""Lets MMPose draw joints on numpy >= 2.4.

Its OpenCV drawing takes ``int()`` of a radius that is an array of length 1, which numpy has deprecated since 1.25 and
refuses since 2.4: ``TypeError: only 0-dimensional arrays can be converted to Python scalars``. No upstream report is
known.
"""

import warnings

import numpy as np

from mmpose_amfac.compat.wrapping import wrap_once


def apply(visualizer) -> None:
    """Give ``OpencvBackendVisualizer.draw_circles`` a plain number."""
    if _refused():
        wrap_once(visualizer.OpencvBackendVisualizer, 'draw_circles', _with_plain_radius)


def _refused() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            int(np.ones(1))
        except (TypeError, DeprecationWarning):
            return True
    return False


def _with_plain_radius(wrapped, instance, args, kwargs):
    # matplotlib's circles want the array
    if instance.backend == 'opencv' and hasattr(kwargs.get('radius'), 'item'):
        kwargs = dict(kwargs, radius=kwargs['radius'].item())
    return wrapped(*args, **kwargs)

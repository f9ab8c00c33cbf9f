"""Serves ``mmcv._ext`` where MMCV has no compiled operators (mmcv-lite).

The inferencers of MMPose and MMDetection import ``mmcv.ops``, whose Python half is there while its extension is not:
``ModuleNotFoundError: No module named 'mmcv._ext'`` (open-mmlab/mmcv#3181, open-mmlab/mmpose#3250).
Of its operators their detectors call ``nms``; any other is an error when it is called.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from mmpose_amfac.errors import MissingPackageError

NAME = 'mmcv._ext'
_COMPILE = ('python -m pip uninstall -y mmcv-lite && MMCV_WITH_OPS=1 python -m pip install --no-deps '
            '--no-build-isolation --no-binary mmcv mmcv==2.1.0 (needs a C++ compiler)')


def nms(boxes, scores, iou_threshold: float, offset: int = 0):
    """Greedy suppression like the compiled operator: indices of the boxes kept, best score first."""
    import torch

    # a trace would hold every step of this picture, gigabytes where there are many classes
    state = torch._C._get_tracing_state()
    torch._C._set_tracing_state(None)
    try:
        return _greedy(boxes, scores, iou_threshold, offset)
    finally:
        torch._C._set_tracing_state(state)


def _greedy(boxes, scores, iou_threshold: float, offset: int):
    import torch

    corner, far = boxes[:, :2], boxes[:, 2:]
    area = (far - corner + offset).prod(1)
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        side = torch.minimum(far[best], far[rest]) - torch.maximum(corner[best], corner[rest]) + offset
        shared = side.clamp(min=0).prod(1)
        order = rest[~(shared / (area[best] + area[rest] - shared) > iou_threshold)]
    return torch.stack(kept) if kept else order


def _missing(name: str):
    if name.startswith('__'):
        raise AttributeError(name)

    def operator(*args, **kwargs):
        raise MissingPackageError(f'mmcv.ops: the compiled operator {name!r} is not in mmcv-lite; in a checkout run: '
                                  f'make full; elsewhere: {_COMPILE}')

    return operator


def apply(mmcv) -> None:
    """Register the stand-in unless the compiled operators, or the stand-in, are there."""
    if importlib.util.find_spec(NAME) is not None:
        return
    module = ModuleType(NAME, __doc__)
    # without a loader mmengine's mmcv_full_available() rightly reports that the compiled operators are absent
    module.__spec__ = ModuleSpec(NAME, loader=None)
    module.nms, module.__getattr__ = nms, _missing
    sys.modules[NAME] = mmcv._ext = module

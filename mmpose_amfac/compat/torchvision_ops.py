"""Lets torchvision's CUDA wheel be imported on a CPU build of torch.

Its ``_C`` cannot be loaded there, so nobody defines the operators for which torchvision then registers fake kernels:
``RuntimeError: operator torchvision::nms does not exist`` (pytorch/vision#9077, pytorch/vision#9085).
The schemas alone are enough to import it. Calling the operators still raises torchvision's own message.
"""

import torch

SCHEMA = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'

# torch forgets the schemas when the library object that defined them is collected
_library = torch.library.Library('torchvision', 'FRAGMENT')


def apply(extension) -> None:
    """Define the operators that ``torchvision.extension`` could not load."""
    if extension._has_ops():
        return
    for name in ('nms', 'qnms'):
        if not hasattr(torch.ops.torchvision, name):
            _library.define(name + SCHEMA)

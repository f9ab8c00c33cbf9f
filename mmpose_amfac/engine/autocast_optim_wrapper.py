"""AutocastOptimWrapper: bfloat16 training on CPUs and GPUs."""

from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


def bfloat16_pays() -> bool:
    """Whether the device computes in bfloat16 itself; a CPU that imitates it is slower than in float32."""
    return get_device() != 'cpu' or torch.cpu._is_avx512_bf16_supported()


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Forward and loss under bfloat16 autocast, without a gradient scaler (MMEngine's own wrapper refuses the CPU).

    Tensors that the model's head returns, alone or in tuples, lists and dicts, are made float32: losses would take
    logarithms in bfloat16 on a CPU, and MMPose's heads make numpy arrays of them, which have no bfloat16.

    Args:
        force: autocast also on a CPU without bfloat16 instructions; by default such a CPU trains in float32, and a
            line in the log says so.
        **kwargs: as for ``OptimWrapper``.
    """

    def __init__(self, force: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.enabled = force or bfloat16_pays()
        if not self.enabled:
            print_log('this CPU has no bfloat16 instructions: training in float32', 'current')

    @contextmanager
    def optim_context(self, model):
        head = getattr(getattr(model, 'module', model), 'head', None)
        with (super().optim_context(model), _float_outputs(head),
              torch.autocast(get_device(), dtype=torch.bfloat16, enabled=self.enabled)):
            yield


@contextmanager
def _float_outputs(head):
    """``head.forward`` returns float32; a forward hook would not do: MMPose's heads call ``forward`` itself."""
    if head is None:
        yield
        return
    forward, own = head.forward, vars(head).get('forward')
    head.forward = lambda *args, **kwargs: _floats(forward(*args, **kwargs))
    try:
        yield
    finally:
        del head.forward
        if own is not None:
            head.forward = own


def _floats(values):
    if torch.is_tensor(values):
        return values.float() if values.is_floating_point() else values
    if isinstance(values, dict):
        return {key: _floats(value) for key, value in values.items()}
    return type(values)(map(_floats, values)) if type(values) in (tuple, list) else values

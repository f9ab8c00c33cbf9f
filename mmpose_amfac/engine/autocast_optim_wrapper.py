"""AutocastOptimWrapper: bfloat16 training on CPUs and GPUs."""

from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Forward and loss under bfloat16 autocast, without a gradient scaler.

    MMEngine's ``AmpOptimWrapper`` refuses the CPU. On a CPU without AVX-512 bfloat16 instructions this is several
    times slower than float32: measure before using it there.
    """

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield

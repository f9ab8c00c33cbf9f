"""Mish without Softplus, which PyTorch and ONNX Runtime compute slowly on a CPU."""

import torch


def exp_mish(x: torch.Tensor) -> torch.Tensor:
    """Mish through the exponential, which is clipped where the quotient is 1 in float32; not for float16."""
    exp = torch.exp(x.clamp(max=20.0))
    ratio = exp * (exp + 2)
    return x * (ratio / (ratio + 2))

"""Squeeze-and-excitation."""

import torch
from torch import nn


class SE(nn.Module):
    r"""Channel gate from the global mean (Eq. 12 and 13).

    .. math:: s = \sigma(W_2\,relu(W_1\,GAP(F))),\quad SE(F) = s \circ F

    Shape: (B, channels, H, W), unchanged.
    """

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, 1)
        self.excite = nn.Conv2d(channels // reduction, channels, 1)

    def gate(self, mean: torch.Tensor) -> torch.Tensor:
        """The gate s of the mean over the map; both have the shape (B, channels, 1, 1)."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x.mean((2, 3), keepdim=True))

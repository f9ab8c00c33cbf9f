"""Dual-gate context block."""

import torch
from torch import nn


class DGCB(nn.Module):
    r"""Two gates computed from the global mean (Eq. 10 and 11).

    .. math:: M_j = \sigma(W_{j2}\,relu(W_{j1}\,GAP(F))),\ j \in \{c, g\},\quad DGCB(F) = F \circ M_c \circ M_g

    Shape: (B, channels, H, W), unchanged.
    """

    def __init__(self, channels: int, reduction: int = 1):
        super().__init__()
        self.context = self._gate(channels, reduction)
        self.guide = self._gate(channels, reduction)

    @staticmethod
    def _gate(channels: int, reduction: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(channels, channels // reduction, 1), nn.ReLU(),
                             nn.Conv2d(channels // reduction, channels, 1), nn.Sigmoid())

    def mask(self, x: torch.Tensor) -> torch.Tensor:
        """The product of both gates, shape (B, channels, 1, 1)."""
        mean = x.mean((2, 3), keepdim=True)
        return self.context(mean) * self.guide(mean)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask(x)

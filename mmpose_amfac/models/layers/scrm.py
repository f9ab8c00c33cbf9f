"""Spatial and channel refinement module."""

import torch
from torch import nn


class SCRM(nn.Module):
    r"""Channel mask from a 1-D convolution across channels, spatial mask from a depthwise one (Eq. 14 to 16).

    .. math:: M_{ch} = \sigma(BN(conv1d(GAP(F)))),\quad M_{sp} = \sigma(BN(dwconv(F))),\quad
        SCRM(F) = F \circ M_{ch} \circ M_{sp}

    Shape: (B, channels, H, W), unchanged.

    Args:
        kernel_size: of the depthwise convolution (odd); the one across channels has 3.
    """

    def __init__(self, channels: int, kernel_size: int = 3):
        super().__init__()
        self.channel_conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.channel_norm = nn.BatchNorm1d(1)
        self.spatial_conv = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels,
                                      bias=False)
        self.spatial_norm = nn.BatchNorm2d(channels)

    def mask_logits(self, x: torch.Tensor, mean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both masks before the sigmoid; ``mean`` over the map has the shape (B, channels, 1, 1)."""
        channel = self.channel_norm(self.channel_conv(mean.flatten(1)[:, None]))[:, 0, :, None, None]
        return channel, self.spatial_norm(self.spatial_conv(x))

    def masks(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Channel mask (B, channels, 1, 1) and spatial mask (B, channels, H, W), both in (0, 1)."""
        channel, spatial = self.mask_logits(x, x.mean((2, 3), keepdim=True))
        return torch.sigmoid(channel), torch.sigmoid(spatial)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channel, spatial = self.masks(x)
        return x * channel * spatial

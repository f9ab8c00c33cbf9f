"""CoordConv2d: a convolution that sees where it is."""

import torch
from torch import nn


class CoordConv2d(nn.Module):
    r"""Convolution over the features and two scaled coordinate channels (Eq. 2, Algorithm 1).

    .. math:: X' = a_x X + b_x,\quad Y' = a_y Y + b_y,\quad out = conv(concat(F, X', Y'))

    X and Y run from -1 to 1 over the width and height of the input map; the four scalars are learnt.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, padding: int = 1,
                 bias: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + 2, out_channels, kernel_size, stride, padding, bias=bias)
        self.scale = nn.Parameter(torch.ones(2))
        self.shift = nn.Parameter(torch.zeros(2))

    def coordinates(self, size, dtype=None) -> torch.Tensor:
        """The channels X', Y' for a map of ``size`` (height, width), shape (1, 2, H, W)."""
        height, width = size
        scale, shift = self.scale.to(dtype), self.shift.to(dtype)
        row = torch.linspace(-1, 1, width, device=scale.device, dtype=scale.dtype)
        column = torch.linspace(-1, 1, height, device=scale.device, dtype=scale.dtype)
        grid = torch.stack([row.expand(height, width), column[:, None].expand(height, width)])
        return (grid * scale[:, None, None] + shift[:, None, None])[None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grid = self.coordinates(x.shape[-2:]).to(x.dtype).expand(x.shape[0], -1, -1, -1)
        return self.conv(torch.cat([x, grid], dim=1))

"""Depthwise-separable convolution."""

import torch
from torch import nn


class DSConv(nn.Module):
    r"""3x3 depthwise, then 1x1 pointwise, then batch norm (Eq. 3 and 4), without an activation.

    .. math:: Z_c = K_c * F_c,\quad out_o = \sum_c W_{oc} Z_c

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride).

    Args:
        norm_after_dw: also normalise between the two; the paper's text has nothing there (default).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, norm_after_dw: bool = False):
        super().__init__()
        self.dw = nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)
        self.dw_norm = nn.BatchNorm2d(in_channels) if norm_after_dw else nn.Identity()
        self.pw = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.pw(self.dw_norm(self.dw(x))))

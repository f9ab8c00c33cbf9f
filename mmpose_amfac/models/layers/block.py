"""The residual block of AMFACResNet."""

from functools import partial

import torch
from torch import nn

from mmpose_amfac.models.layers.dsc import DSConv
from mmpose_amfac.models.layers.scrm import SCRM
from mmpose_amfac.models.layers.se import SE


class DSCBlock(nn.Module):
    """Two depthwise-separable convolutions with optional SCRM and SE, and a skip.

    ``out = Mish(SCRM(DSConv(Mish(DSConv(x)))) + skip(x))``; the skip is the identity, or 1x1 convolution and batch
    norm where the shape changes.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride).

    Args:
        scrm_kernel: kernel of the SCRM, or 0 for none.
        scrm_place: ``'before_add'`` (default) or ``'after_add'``.
        se_reduction: reduction of an SE in the residual branch, or 0 for none (default: SE sits behind the stage).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, scrm_kernel: int = 3,
                 scrm_place: str = 'before_add', se_reduction: int = 0, norm_after_dw: bool = False, act_layer=nn.Mish):
        super().__init__()
        conv = partial(DSConv, norm_after_dw=norm_after_dw)
        self.conv1 = conv(in_channels, out_channels, stride)
        self.conv2 = conv(out_channels, out_channels)
        self.scrm = SCRM(out_channels, scrm_kernel) if scrm_kernel else nn.Identity()
        self.scrm_after_add = scrm_place == 'after_add'
        self.se = SE(out_channels, se_reduction) if se_reduction else nn.Identity()
        self.act = act_layer()
        if stride == 1 and in_channels == out_channels:
            self.skip = nn.Identity()
        else:
            self.skip = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                                      nn.BatchNorm2d(out_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.se(self.conv2(self.act(self.conv1(x))))
        if self.scrm_after_add:
            return self.act(self.scrm(branch + self.skip(x)))
        return self.act(self.scrm(branch) + self.skip(x))

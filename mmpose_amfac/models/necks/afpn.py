"""AFPN, the attentive feature pyramid."""

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.errors import AMFACError, integer, integers, one_of
from mmpose_amfac.models.layers import DGCB, NormEval


@MODELS.register_module()
class AFPN(NormEval, BaseModule):
    r"""Pyramid levels weighted by dual-gate context blocks and fused at the finest level's size (Eq. 5 to 9).

    .. math:: F_i = conv_{1\times1}(C_i),\ R_i = DGCB(F_i),\ F'_i = \hat F_i \circ \hat R_i,\
        F_{out} = conv_{1\times1}(concat_i F'_i)

    where the hat is bilinear upsampling. Every 1x1 convolution is followed by batch norm, none by an activation.
    With Eq. 11, Eq. 8 is quadratic in F: ``modulation='product'`` (default) takes it by the letter,
    ``'mask'`` reads it as :math:`F'_i = \hat F_i \circ M_i`, ``'none'`` leaves the gates out.

    Shapes: tuple of (B, in_channels[i], H_i, W_i) -> tuple of one map (B, out_channels, H_0, W_0).

    Args:
        in_channels: width of each level, finest first.
        out_channels: width P of the pyramid.
        modulation: ``'product'``, ``'mask'`` or ``'none'``.
        dgcb_reduction: channel reduction inside the gates.
        align_corners: of the upsampling.
        norm_eval: keep batch norm in evaluation mode while training.
        init_cfg: MMEngine's initialisation config.

    Raises:
        AMFACError: an argument outside the values above; at run time a number of levels that does not fit.
    """

    def __init__(self, in_channels=(128, 256, 512), out_channels: int = 64, modulation: str = 'product',
                 dgcb_reduction: int = 1, align_corners: bool = False, norm_eval: bool = False,
                 init_cfg=None):
        super().__init__(init_cfg)
        one_of('modulation', modulation, ('product', 'mask', 'none'))
        integers('in_channels', in_channels)
        integer('out_channels', out_channels)
        integer('dgcb_reduction', dgcb_reduction)
        if dgcb_reduction > out_channels:
            raise AMFACError(f'dgcb_reduction={dgcb_reduction} must be at most out_channels={out_channels}')
        self.modulation = modulation
        self.align_corners = align_corners
        self.norm_eval = norm_eval
        self.lateral = nn.ModuleList(self._conv(c, out_channels) for c in in_channels)
        self.dgcb = nn.ModuleList(
            DGCB(out_channels, dgcb_reduction) for _ in in_channels if modulation != 'none')
        self.fusion = self._conv(out_channels * len(in_channels), out_channels)

    @staticmethod
    def _conv(in_channels: int, out_channels: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))

    def forward(self, feats):
        """Tuple of levels, finest first -> tuple of the fused map."""
        if len(feats) != len(self.lateral):
            raise AMFACError(f'AFPN got {len(feats)} levels but in_channels has {len(self.lateral)}; '
                             'backbone.out_indices and neck.in_channels must agree')
        size = feats[0].shape[-2:]
        levels = []
        for i, (conv, x) in enumerate(zip(self.lateral, feats)):
            x = conv(x)
            fine = self._upsample(x, size)
            if self.modulation == 'product':
                fine = fine * self._upsample(self.dgcb[i](x), size)
            elif self.modulation == 'mask':
                fine = fine * self.dgcb[i].mask(x)
            levels.append(fine)
        return (self.fusion(torch.cat(levels, dim=1)), )

    def _upsample(self, x, size):
        if x.shape[-2:] == size:
            return x
        return F.interpolate(x, size=size, mode='bilinear', align_corners=self.align_corners)

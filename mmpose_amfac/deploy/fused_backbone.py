"""AMFACResNet for inference: batch norms folded, coordinates as constant maps, gates applied where maps are small."""

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.deploy.fold import PositionedConv, fold_norm, fold_separable, like
from mmpose_amfac.deploy.mish import sign_of
from mmpose_amfac.models.layers import SCRM, SE, CoordConv2d


class Gated(NamedTuple):
    """A map (B, C, H, W) and the gate (B, C, 1, 1) that it has yet to be multiplied with, or None."""

    map: torch.Tensor
    gate: torch.Tensor | None

    def applied(self) -> torch.Tensor:
        """The product, (B, C, H, W)."""
        return self.map if self.gate is None else self.map * self.gate


class FusedSCRM(nn.Module):
    """:class:`~mmpose_amfac.models.layers.SCRM` without batch norms, of an input times ``sign``."""

    def __init__(self, scrm: SCRM, sign: int = 1):
        super().__init__()
        channel, spatial = fold_norm(scrm.channel_conv, scrm.channel_norm), fold_norm(scrm.spatial_conv,
                                                                                      scrm.spatial_norm)
        self.channel_conv = like(channel, channel.weight * sign, channel.bias)
        self.spatial_conv = like(spatial, spatial.weight * sign, spatial.bias)

    def forward(self, x):
        # a pooling operator stays in the blocked layout of the convolutions, a mean over axes does not
        mean = F.adaptive_avg_pool2d(x, 1).squeeze(3).transpose(1, 2)
        channel = torch.sigmoid(self.channel_conv(mean)).transpose(1, 2).unsqueeze(3)
        return x * torch.sigmoid(self.spatial_conv(x)) * channel


class FusedBlock(nn.Module):
    """:class:`~mmpose_amfac.models.layers.DSCBlock` without batch norms.

    A gate of the stage before is applied behind the stride-2 depthwise convolution and to the subsampled skip, a
    quarter of the elements each: a gate is constant over space, so it commutes with both.
    """

    def __init__(self, block, act):
        super().__init__()
        self.sign = sign_of(act)
        (self.dw1, self.pw1), (self.dw2, self.pw2) = (
            fold_separable(c.dw, c.dw_norm, c.pw, c.norm, self.sign) for c in (block.conv1, block.conv2))
        self.scrm = FusedSCRM(block.scrm, self.sign) if isinstance(block.scrm, SCRM) else nn.Identity()
        self.scrm_after_add = block.scrm_after_add
        self.se = signed_se(block.se, self.sign) if isinstance(block.se, SE) else nn.Identity()
        self.act = act()
        self.skip, self.stride = None, 1
        if not isinstance(block.skip, nn.Identity):
            self.skip = fold_norm(*block.skip)
            self.stride, self.skip.stride = self.skip.stride[0], (1, 1)

    def forward(self, x, gate=None):
        # a pooling window of one cell is a subsampling
        z, skip = self.dw1(x), F.max_pool2d(x, 1, self.stride) if self.stride > 1 else x
        if gate is not None:
            z, skip = z * gate, skip * gate
        if self.skip is not None:
            skip = self.skip(skip)
        branch = self.se(self.pw2(self.dw2(self.act(self.pw1(z)))))
        if not self.scrm_after_add:
            branch = self.scrm(branch)
        branch = branch + skip if self.sign > 0 else branch - skip
        return self.act(self.scrm(branch) if self.scrm_after_add else branch)


class FusedBackbone(nn.Module):
    """The backbone with its batch norms folded.

    Args:
        backbone: an AMFACResNet in evaluation mode.
        act: class of the activation, of :data:`mmpose_amfac.deploy.mish.FORMS`.
        input_size: (width, height) in pixels, for constant coordinate maps; None keeps coordinate channels.
        gated: return :class:`Gated` maps to a neck or head that applies the gates itself, else plain maps.
    """

    def __init__(self, backbone, act, input_size=None, gated: bool = True):
        super().__init__()
        self.out_indices = backbone.out_indices
        self.gated = gated
        layers, size = [], input_size and tuple(input_size[::-1])
        for conv, norm in zip(backbone.stem[::3], backbone.stem[1::3]):
            layers += [_stem_conv(conv, norm, size, sign_of(act)), act()]
            stride = (conv.conv if isinstance(conv, CoordConv2d) else conv).stride[0]
            size = size and tuple((n - 1) // stride + 1 for n in size)
        self.stem = nn.Sequential(*layers)
        self.stages = nn.ModuleList(nn.ModuleList(FusedBlock(b, act) for b in stage) for stage in backbone.stages)
        self.stage_scrm = nn.ModuleList(
            FusedSCRM(m) if isinstance(m, SCRM) else nn.Identity() for m in backbone.stage_scrm)
        self.stage_se = backbone.stage_se

    def forward(self, x):
        """(B, 3, H, W) -> tuple of maps, coarser and coarser."""
        x, gate = self.stem(x), None
        out = []
        for i, (stage, scrm, se) in enumerate(zip(self.stages, self.stage_scrm, self.stage_se)):
            for block in stage:
                x, gate = block(x, gate), None
            x = scrm(x)
            gate = se.gate(x.mean((2, 3), keepdim=True)) if isinstance(se, SE) else None
            if i in self.out_indices:
                level = Gated(x, gate)
                out.append(level if self.gated else level.applied())
        return tuple(out)


def signed_se(se: SE, sign: int) -> SE:
    """The SE of an input times ``sign``."""
    new = copy.copy(se)
    new._modules = dict(se._modules, squeeze=like(se.squeeze, se.squeeze.weight * sign, se.squeeze.bias))
    return new


def _stem_conv(conv, norm, size, sign: int):
    if not isinstance(conv, CoordConv2d):
        return fold_norm(conv, norm, sign)
    if size:
        return PositionedConv(conv, norm, size, sign)
    new = copy.copy(conv)
    new._modules = dict(conv=fold_norm(conv.conv, norm, sign))
    return new

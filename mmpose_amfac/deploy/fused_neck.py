"""AFPN for inference, down to the axis means that the head reads."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.deploy.fold import fold_norm
from mmpose_amfac.errors import AMFACError


class AxisMeans(NamedTuple):
    """Means of a map (B, C, H, W) over its height, (B, C, 1, W), and over its width, (B, C, H, 1)."""

    x: torch.Tensor
    y: torch.Tensor


def upsampling_matrix(length: int, to: int, align_corners: bool) -> torch.Tensor:
    """(to, length): bilinear upsampling of one axis as a matrix, float64."""
    eye = torch.eye(length, dtype=torch.float64)[None]
    return F.interpolate(eye, size=to, mode='linear', align_corners=align_corners)[0].t().contiguous()


class FusedAFPN(nn.Module):
    r"""AFPN whose output is only read as axis means, for one input size (Eq. 5 to 9, 17 and 19).

    Nothing lies between the fusion and the means but 1x1 convolutions, which commute with means. With the row and
    column upsampling matrices U_h and U_w, and the mask m = M_c o M_g, constant over space, the means of a level are

    * without gates or with the mask reading of Eq. 8, which are linear,
      :math:`m\,(u_h^T F)\,U_w^T`, :math:`u_h = U_h^T 1 / H`; then the lateral 1x1 convolution too sees means only;
    * with the product reading :math:`m\,\frac{1}{H} \sum_{rows} V \circ (K V)`, :math:`V = F U_w^T` and
      :math:`K = U_h^T U_h`: no map of the fused size is built.

    Args:
        afpn: the trained neck.
        sizes: (height, width) of each level, finest first.
    """

    def __init__(self, afpn, sizes):
        super().__init__()
        self.modulation = afpn.modulation
        self.lateral = nn.ModuleList(fold_norm(*pair) for pair in afpn.lateral)
        self.dgcb = afpn.dgcb
        self.fusion = fold_norm(*afpn.fusion)
        weight = self.fusion.weight
        self.levels = len(sizes)
        for i, (height, width) in enumerate(sizes):
            for axis, length, to in (('y', height, sizes[0][0]), ('x', width, sizes[0][1])):
                up = upsampling_matrix(length, to, afpn.align_corners)
                gram = up.t() @ up / to if self.modulation == 'product' else up.mean(0, keepdim=True)
                # right factors: a row vector times up^T is its upsampling
                self.register_buffer(f'up_{axis}{i}', up.t().contiguous().to(weight))
                self.register_buffer(f'gram_{axis}{i}', gram.to(weight))

    def forward(self, feats):
        """Tuple of gated levels, finest first -> tuple of the :class:`AxisMeans` of the fused map."""
        if len(feats) != self.levels:
            raise AMFACError(f'AFPN got {len(feats)} levels but was fused for {self.levels}')
        means = self._squares if self.modulation == 'product' else self._means
        levels = [means(i, level) for i, level in enumerate(feats)]
        return (AxisMeans(*(self.fusion(torch.cat(axis, dim=1)) for axis in zip(*levels))), )

    def _means(self, i: int, level) -> AxisMeans:
        x = level.map
        if i == 0:
            parts = [x.mean(2, keepdim=True), x.mean(3, keepdim=True)]
        else:
            # `gram` weighs the rows (columns) of the small map by what they weigh in the mean of the large one
            wide, tall = getattr(self, f'gram_y{i}') @ x, x @ getattr(self, f'gram_x{i}').t()
            parts = [wide @ getattr(self, f'up_x{i}'), _transposed(_transposed(tall) @ getattr(self, f'up_y{i}'))]
        if self.modulation == 'mask':
            parts.append(F.adaptive_avg_pool2d(x, 1))
        wide, tall, *mean = (self.lateral[i](p if level.gate is None else p * level.gate) for p in parts)
        if not mean:
            return AxisMeans(wide, tall)
        mask = self._mask(i, mean[0])
        return AxisMeans(wide * mask, tall * mask)

    def _squares(self, i: int, level) -> AxisMeans:
        x = self.lateral[i](level.applied())
        mask = self._mask(i, F.adaptive_avg_pool2d(x, 1))
        if i == 0:
            square = x * x
            return AxisMeans(square.mean(2, keepdim=True) * mask, square.mean(3, keepdim=True) * mask)
        wide, tall = x @ getattr(self, f'up_x{i}'), _transposed(x) @ getattr(self, f'up_y{i}')
        wide = (wide * (getattr(self, f'gram_y{i}') @ wide)).sum(2, keepdim=True)
        tall = (tall * (getattr(self, f'gram_x{i}') @ tall)).sum(2, keepdim=True)
        return AxisMeans(wide * mask, _transposed(tall) * mask)

    def _mask(self, i: int, mean):
        """Global means of F, (B, P, 1, 1) -> product of both gates."""
        return self.dgcb[i].context(mean) * self.dgcb[i].guide(mean)


def _transposed(x):
    return x.transpose(2, 3)

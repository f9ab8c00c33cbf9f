"""Folding of batch norms, signs and coordinate channels into convolutions."""

import copy

import torch
from torch import nn

from mmpose_amfac.models.layers import CoordConv2d


def scale_shift(norm) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch norm in evaluation mode as ``x * scale + shift``, each (C,) float64; an identity gives 1 and 0."""
    if isinstance(norm, nn.Identity):
        return torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.double(), shift * norm.weight.double() + norm.bias.double()
    return scale, shift


def fold_norm(conv, norm, sign: int = 1):
    """A convolution (1-D or 2-D) with the batch norm behind it folded in, and a bias; all of it times ``sign``.

    Worked out in float64, so that folding costs one rounding.
    """
    scale, shift = scale_shift(norm)
    bias = shift if conv.bias is None else shift + scale * conv.bias.double()
    return like(conv, conv.weight.double() * (sign * scale).view(-1, *[1] * (conv.weight.ndim - 1)), sign * bias)


def fold_separable(dw, dw_norm, pw, norm, sign: int = 1):
    """Depthwise and pointwise convolution with their batch norms folded; the bias sits in the second one alone.

    What a norm between them adds is the same everywhere, so it passes through the 1x1 convolution into its bias.
    """
    scale, shift = scale_shift(dw_norm)
    first = like(dw, dw.weight.double() * scale.view(-1, 1, 1, 1))
    second = fold_norm(pw, norm, sign)
    weight = second.weight.double()
    return first, like(second, weight, second.bias.double() + weight.flatten(1) @ shift.expand(pw.in_channels))


def like(layer, weight, bias=None):
    """A copy of a convolution or linear layer with another weight and bias, in its dtype, without gradients."""
    new = copy.copy(layer)
    new._parameters = {}
    new.weight = nn.Parameter(weight.to(layer.weight), requires_grad=False)
    if bias is not None:
        bias = nn.Parameter(bias.expand(len(weight)).to(layer.weight).contiguous(), requires_grad=False)
    new.register_parameter('bias', bias)
    return new


class PositionedConv(nn.Module):
    r"""CoordConv with its batch norm for one input size: a plain convolution plus a constant map (Eq. 2).

    .. math:: BN(conv(concat(F, X', Y'))) = conv_F(F) + A,\quad A = BN(conv_{XY}(concat(X', Y')))

    A holds the border effect of zero padding. As X' depends on the column and Y' on the row alone, away from the
    border A is a function of the column plus one of the row. It is kept as these and put together in the graph, where
    inference engines do it once, at load.

    Args:
        coord_conv: the layer.
        norm: the batch norm behind it.
        size: (height, width) of its input.
        sign: factor on all of it.
    """

    def __init__(self, coord_conv: CoordConv2d, norm, size, sign: int = 1):
        super().__init__()
        conv = coord_conv.conv
        features = conv.in_channels - 2
        scale, shift = (sign * v for v in scale_shift(norm))
        weight = conv.weight.double() * scale.view(-1, 1, 1, 1)
        self.conv = like(conv, weight[:, :features])
        self.conv.in_channels = features
        grid = coord_conv.coordinates(size, torch.float64)
        x, y = (nn.functional.conv2d(grid[:, i:i + 1], weight[:, features + i:features + i + 1], None, conv.stride,
                                     conv.padding) for i in range(2))
        y = y + (shift if conv.bias is None else shift + scale * conv.bias.double()).view(1, -1, 1, 1)
        self.size = tuple(x.shape[2:])
        self.border = conv.padding[0]
        # X' needs one row of each kind, Y' one column: those at both borders, and one for all between
        self.register_buffer('rows', _kinds(x, self.border).to(conv.weight))
        self.register_buffer('columns', _kinds(y.transpose(2, 3), self.border).to(conv.weight))

    def map(self) -> torch.Tensor:
        """A, shape (1, out_channels, height, width)."""
        height, width = self.size
        columns = _stretch(self.columns, width, self.border).transpose(2, 3)
        return _stretch(self.rows, height, self.border) + columns

    def forward(self, x):
        return self.conv(x) + self.map()


def _kinds(map_, border: int):
    return torch.cat([map_[:, :, :border + 1], map_[:, :, map_.shape[2] - border:]], 2)


def _stretch(kinds, length: int, border: int):
    first, middle, last = kinds[:, :, :border], kinds[:, :, border:border + 1], kinds[:, :, border + 1:]
    # every length is given, or the exporter writes a graph that works it out
    channels, width = kinds.shape[1], kinds.shape[3]
    return torch.cat([first, middle.expand(1, channels, length - 2 * border, width), last], 2)

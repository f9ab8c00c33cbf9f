r"""Forms of Mish that inference engines run fast: the same function without Softplus.

Mish is :math:`x \tanh(\ln(1 + e^x))`. With :math:`e = e^x`, :math:`s = \sigma(x)` and :math:`u = \sigma(-x)`

.. math:: x\,\frac{e (e + 2)}{e (e + 2) + 2} \;=\; x\,\frac{s (2 - s)}{2 - s (2 - s)} \;=\; x\,\frac{1 - u^2}{1 + u^2}

ONNX Runtime has no Mish of its own and computes Softplus one value at a time; OpenVINO recognises the native form.
"""

import torch
from torch import nn

from mmpose_amfac.models.layers.mish import exp_mish


class SigmoidMish(nn.Module):
    """Through the sigmoid: no value overflows, in float16 either."""

    def forward(self, x):
        gate = torch.sigmoid(x)
        gate = gate * (2 - gate)
        return x * (gate / (2 - gate))


class ExpMish(nn.Module):
    """Through the exponential; not for float16."""

    def forward(self, x):
        return exp_mish(x)


class NegatedMish(nn.Module):
    r"""Mish of the *negated* input, so the layer before must have its weights negated.

    With :math:`u = \sigma(x)` it is :math:`Mish(-x) = x - x / \frac{1 + u^2}{2}`: five operators on memory, where the
    exponential form has seven. An engine that does not fuse activations is paid per pass over memory.
    """

    def forward(self, x):
        gate = torch.sigmoid(x)
        return x - x / _HalfOnePlus.apply(gate * gate)


class _HalfOnePlus(torch.autograd.Function):
    """(1 + x) / 2 for x in [0, 1], as one ONNX operator: there the HardSigmoid does not saturate."""

    @staticmethod
    def forward(ctx, x):
        return x * 0.5 + 0.5

    @staticmethod
    def symbolic(g, x):
        return g.op('HardSigmoid', x, alpha_f=0.5, beta_f=0.5).setType(x.type())


FORMS = {'native': nn.Mish, 'sigmoid': SigmoidMish, 'exp': ExpMish, 'negated': NegatedMish}


def sign_of(act) -> int:
    """What a layer before this form is multiplied with: -1 for :class:`NegatedMish`, else 1."""
    return -1 if act is NegatedMish else 1

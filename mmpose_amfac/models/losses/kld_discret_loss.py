"""KLDDiscretLoss, the loss of coordinate classification."""

import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_amfac.errors import AMFACError, number, one_of


@MODELS.register_module()
class KLDDiscretLoss(nn.Module):
    r"""Kullback-Leibler divergence between smoothed targets and the softened prediction (Eq. 20 and 21).

    .. math:: L_i = w_i\,[KL(t_x \| softmax(o_x / T)) + KL(t_y \| softmax(o_y / T))],\quad
        L = \frac1{BN} \sum_{b,i} L_{b,i}

    with :math:`t = (1-\epsilon)\,target + \epsilon / n` over the n bins of an axis; the targets are one-hot or
    Gaussian rows as ``AMFACSimCCLabel`` encodes them. The sum runs over bins and the mean over joints and batch, so
    that the gradient does not depend on the batch size (MMPose's ``KLDiscretLoss`` averages over bins and sums over
    the batch: learning rates are not interchangeable). Always computed in float32, also under autocast.

    Args:
        temperature: T > 0. The paper calls it moderately sharpened without a value: 0.5 is our choice.
        label_smoothing: epsilon in [0, 1); 0.1 is our choice.
        mean_over: ``'joints'`` divides by all joints (the paper), ``'labelled'`` by those with a weight above 0.
        scale_by_t2: multiply by T^2 as in distillation (not in the paper).
        loss_weight: factor on the result.

    Raises:
        AMFACError: an argument outside these ranges, or predictions and targets whose shapes differ.
    """

    def __init__(self, temperature: float = 0.5, label_smoothing: float = 0.1, mean_over: str = 'joints',
                 scale_by_t2: bool = False, loss_weight: float = 1.0):
        super().__init__()
        number('temperature', temperature, 0, low_itself=False)
        number('label_smoothing', label_smoothing, 0, 1)
        number('loss_weight', loss_weight, 0)
        one_of('mean_over', mean_over, ('joints', 'labelled'))
        self.temperature = temperature
        self.label_smoothing = label_smoothing
        self.mean_over = mean_over
        self.factor = loss_weight * (temperature**2 if scale_by_t2 else 1.0)

    def forward(self, pred_simcc, gt_simcc, target_weight):
        """Loss of a batch.

        Args:
            pred_simcc: logits x (B, K, Bx) and y (B, K, By).
            gt_simcc: target rows of the same shapes, each summing to 1 (or all zero with weight 0).
            target_weight: (B, K), 0 for joints without a label.

        Returns:
            Scalar float32 tensor.
        """
        weight = target_weight.float()
        total = 0
        for logits, target in zip(pred_simcc, gt_simcc):
            if logits.shape != target.shape:
                raise AMFACError(f'prediction {tuple(logits.shape)} and target {tuple(target.shape)} differ: the '
                                 'codec of the pipeline and the decoder of the head must be the same')
            total = total + self.divergence(logits, target) * weight
        count = weight.numel() if self.mean_over == 'joints' else (weight > 0).sum().clamp(min=1)
        return total.sum() / count * self.factor

    def divergence(self, logits, target):
        """KL per joint for one axis: (B, K, bins) twice -> (B, K)."""
        with torch.autocast(logits.device.type, enabled=False):
            target = target.float()
            smooth = (1 - self.label_smoothing) * target + self.label_smoothing / target.shape[-1]
            log_p = torch.log_softmax(logits.float() / self.temperature, dim=-1)
            return (torch.xlogy(smooth, smooth) - smooth * log_p).sum(-1)

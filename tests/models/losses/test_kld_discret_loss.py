import math

import pytest
import torch
from mmpose.registry import MODELS

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models.losses import KLDDiscretLoss


def batch(b=3, k=4, bins=(6, 8), seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    logits = tuple(torch.randn(b, k, n, generator=g, dtype=dtype) for n in bins)
    target = tuple(torch.softmax(torch.randn(b, k, n, generator=g, dtype=dtype) * 3, -1) for n in bins)
    weights = (torch.rand(b, k, generator=g) > 0.3) * torch.tensor([1.0, 1.2, 1.5, 1.0])[:k]
    return logits, target, weights.to(dtype)


def plain_formula(logits, target, weights, temperature, epsilon):
    """Eq. 20 and 21, one number at a time."""
    total = 0.0
    b, k, _ = logits[0].shape
    for i in range(b):
        for j in range(k):
            for o, t in zip(logits, target):
                row = [v / temperature for v in o[i, j].tolist()]
                log_z = math.log(sum(math.exp(v) for v in row))
                n = len(row)
                for v, p in zip(row, t[i, j].tolist()):
                    p = (1 - epsilon) * p + epsilon / n
                    total += weights[i, j].item() * (p * math.log(p) - p * (v - log_z)) if p > 0 else 0
    return total / (b * k)


@pytest.mark.parametrize('temperature, epsilon', [(0.5, 0.1), (1.0, 0.0), (0.2, 0.4)])
def test_equals_the_plain_formula(temperature, epsilon):
    logits, target, weights = batch()
    loss = KLDDiscretLoss(temperature, epsilon)(logits, target, weights)
    assert loss.item() == pytest.approx(plain_formula(logits, target, weights, temperature, epsilon), rel=1e-5)


def test_gradient_by_finite_differences():
    logits, target, weights = batch(b=2, k=2, bins=(5, 4))
    loss = KLDDiscretLoss(0.5, 0.1)
    x = logits[0].clone().requires_grad_()
    loss((x, logits[1]), target, weights).backward()
    step = 1e-2
    for index in torch.cartesian_prod(*(torch.arange(n) for n in x.shape)):
        shift = torch.zeros_like(logits[0])
        shift[tuple(index)] = step
        values = [loss((logits[0] + sign * shift, logits[1]), target, weights).double() for sign in (1, -1)]
        assert x.grad[tuple(index)].item() == pytest.approx(((values[0] - values[1]) / (2 * step)).item(), abs=2e-3)


def test_gradient_is_weight_over_temperature_times_the_difference():
    logits, target, weights = batch()
    x = logits[0].clone().requires_grad_()
    KLDDiscretLoss(0.5, 0.0)((x, logits[1]), target, weights).backward()
    p = torch.softmax(logits[0] / 0.5, -1)
    expected = weights[..., None] / 0.5 * (p - target[0]) / weights.numel()
    torch.testing.assert_close(x.grad, expected, rtol=1e-4, atol=1e-6)


def test_mean_over_the_batch():
    logits, target, weights = batch()
    loss = KLDDiscretLoss()
    twice = [tuple(torch.cat([v, v]) for v in pair) for pair in (logits, target)]
    torch.testing.assert_close(loss(*twice, torch.cat([weights, weights])), loss(logits, target, weights))


def test_perfect_prediction_costs_nothing_and_zero_rows_are_safe():
    target = torch.softmax(torch.randn(1, 2, 9), -1)
    logits = 0.5 * target.log()
    zero = KLDDiscretLoss(0.5, 0.0)((logits, logits), (target, target), torch.ones(1, 2))
    assert abs(zero.item()) < 1e-6
    empty = KLDDiscretLoss(0.5, 0.0)((logits, logits), (target * 0, target * 0), torch.zeros(1, 2))
    assert empty.item() == 0


def test_options():
    logits, target, weights = batch()
    base = KLDDiscretLoss()(logits, target, weights)
    by_t2 = KLDDiscretLoss(scale_by_t2=True, loss_weight=3.0)(logits, target, weights)
    labelled = KLDDiscretLoss(mean_over='labelled')(logits, target, weights)
    assert by_t2.item() == pytest.approx(base.item() * 0.25 * 3, rel=1e-5)
    assert labelled.item() == pytest.approx(base.item() * weights.numel() / (weights > 0).sum().item(), rel=1e-5)


def test_float32_inside_autocast():
    logits, target, weights = batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = KLDDiscretLoss()(tuple(o.bfloat16() for o in logits), target, weights)
    expected = KLDDiscretLoss()(tuple(o.bfloat16().float() for o in logits), target, weights)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize('field, value', [('temperature', 0), ('temperature', -1), ('label_smoothing', 1.0),
                                          ('label_smoothing', -0.1), ('mean_over', 'images'),
                                          ('temperature', float('inf')),
                                          ('temperature', 'low'), ('loss_weight', -1)])
def test_bad_settings_are_named(field, value):
    with pytest.raises(AMFACError, match=field) as error:
        MODELS.build(dict(type='KLDDiscretLoss', **{field: value}))
    assert '\n' not in str(error.value)


def test_shapes_must_agree():
    logits, target, weights = batch()
    with pytest.raises(AMFACError, match='codec'):
        KLDDiscretLoss()(logits, (target[0][..., :-1], target[1]), weights)

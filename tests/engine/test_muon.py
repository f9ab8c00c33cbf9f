"""``MuonConstructor``: which weights Muon gets, and that MMEngine's schedules reach all rates."""

import sys

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from mmpose_amfac.errors import AMFACError

WRAPPER = dict(type='OptimWrapper', constructor='MuonConstructor',
               optimizer=dict(type='Muon', lr=0.02, weight_decay=0.01, adamw_lr=1e-3, adamw_wd=0.05))


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16),
                         nn.Conv2d(16, 32, 1), nn.Flatten(), nn.Linear(128, 10))


def test_matrices_get_muon_and_schedules_reach_all():
    net = model()
    wrapper = build_optim_wrapper(net, dict(WRAPPER, clip_grad=dict(max_norm=5.0)))
    muon, adamw, vectors = wrapper.optimizer.param_groups
    assert [id(p) for p in muon['params']] == [id(net[3].weight), id(net[5].weight)]
    assert [id(p) for p in adamw['params']] == [id(net[0].weight), id(net[1].weight)]
    assert all(p.ndim == 1 for p in vectors['params']) and len(vectors['params']) == 6
    assert [group['lr'] for group in (muon, adamw, vectors)] == [0.02, 1e-3, 1e-3]
    assert [group['weight_decay'] for group in (muon, adamw, vectors)] == [0.01, 0.05, 0.0]
    PARAM_SCHEDULERS.build(dict(type='LinearLR', start_factor=0.1, by_epoch=False), default_args=dict(
        optimizer=wrapper))
    assert [group['lr'] for group in (muon, adamw, vectors)] == pytest.approx([0.002, 1e-4, 1e-4])
    before = [p.detach().clone() for p in net.parameters()]
    wrapper.update_params(net(torch.randn(4, 3, 2, 2)).square().mean())
    assert all(not torch.equal(a, b) for a, b in zip(before, net.parameters()))
    # an orthogonal step: singular values alike
    values = torch.linalg.svdvals((before[6] - net[3].weight.detach()).flatten(1))
    assert values.max() < 1.6 * values.median()


@pytest.mark.parametrize('pays, method', [
    (True, 'newton_schulz'), (False, 'newton_schulz'), (False, 'gram_newton_schulz')])
def test_a_cpu_without_bfloat16_computes_in_float32(monkeypatch, pays, method):
    monkeypatch.setattr('mmpose_amfac.engine.muon_constructor.bfloat16_pays', lambda: pays)
    seen = set()

    class Types(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            seen.update(value.dtype for value in pytree.tree_leaves(out) if torch.is_tensor(value))
            return out

    net = model()
    wrapper = build_optim_wrapper(net, dict(WRAPPER, optimizer=dict(WRAPPER['optimizer'], ns_method=method)))
    net(torch.randn(4, 3, 2, 2)).square().mean().backward()
    before = net[3].weight.detach().clone()
    with Types():
        wrapper.step()
    assert bool(seen & {torch.bfloat16, torch.float16}) == pays
    values = torch.linalg.svdvals((before - net[3].weight.detach()).flatten(1))
    assert values.max() < 1.6 * values.median()


def test_what_cannot_be(monkeypatch):
    with pytest.raises(AMFACError, match='no weight has at least 8 inputs'):
        build_optim_wrapper(nn.Linear(4, 4), WRAPPER)
    with pytest.raises(AMFACError, match="'AdamW' must be 'Muon'"):
        build_optim_wrapper(model(), dict(WRAPPER, optimizer=dict(type='AdamW', lr=1e-3)))
    with pytest.raises(AMFACError, match='norm_decay_mult'):
        build_optim_wrapper(model(), dict(WRAPPER, paramwise_cfg=dict(norm_decay_mult=0)))
    monkeypatch.setitem(sys.modules, 'pytorch_optimizer', None)
    with pytest.raises(AMFACError, match='pip install pytorch-optimizer'):
        build_optim_wrapper(model(), WRAPPER)

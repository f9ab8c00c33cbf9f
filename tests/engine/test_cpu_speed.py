"""``CPUSpeedHook``: another way to the same loss, gradients and running statistics."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_amfac.engine import cpu_speed_hook
from mmpose_amfac.engine.cpu_speed_hook import CPUSpeedHook


def build(root):
    cfg = Config.fromfile(root / 'configs/real_data/amfacpose_r18_1xb64-8e_real-64x48.py')
    torch.manual_seed(0)
    return MODELS.build(cfg.model).train()


def step(model):
    """Logits, gradients and buffers of one batch."""
    inputs = torch.randn(4, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    logits = model.head(model.extract_feat(inputs))
    sum(out.float().log_softmax(-1)[..., 20].mean() for out in logits).backward()
    return dict(logits=torch.cat([out.flatten() for out in logits]).detach(),
                **{name: parameter.grad for name, parameter in model.named_parameters()}, **dict(model.named_buffers()))


@pytest.mark.slow
@pytest.mark.skipif(not cpu_speed_hook.has_compiler(), reason='torch.compile finds no C++ compiler')
def test_same_step(root):
    plain = build(root)
    fast = copy.deepcopy(plain)
    CPUSpeedHook().before_train(type('Runner', (), dict(model=fast)))
    expected, found = step(plain), step(fast)
    assert any('forward' in vars(module) for module in fast.modules()) and expected.keys() == found.keys()
    for name, value in expected.items():
        scale = value.float().abs().max().clamp(min=1e-6)
        assert (found[name].float() - value.float()).abs().max() <= 2e-3 * scale, name
    fast.eval(), plain.eval()
    fast.load_state_dict(plain.state_dict())
    with torch.no_grad():
        for a, b in zip(*(model.head(model.extract_feat(torch.ones(1, 3, 64, 48))) for model in (plain, fast))):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_without_a_compiler_only_convolutions_change(root, monkeypatch):
    monkeypatch.setattr(cpu_speed_hook, 'has_compiler', lambda: False)
    plain = build(root)
    fast = copy.deepcopy(plain)
    cpu_speed_hook.quicken(fast)
    changed = {type(module) for module in fast.modules() if 'forward' in vars(module)}
    assert changed == {torch.nn.Conv2d}
    expected, found = step(plain), step(fast)
    torch.testing.assert_close(found['logits'], expected['logits'], rtol=1e-3, atol=1e-4)


def test_formulas_of_mish():
    x = torch.linspace(-30, 30, 2001, dtype=torch.float32)
    wanted = x.clone().requires_grad_()
    torch.nn.functional.mish(wanted).sum().backward()
    torch.testing.assert_close(cpu_speed_hook._mish(x), torch.nn.functional.mish(x))
    torch.testing.assert_close(cpu_speed_hook._mish_backward(torch.ones_like(x), x), wanted.grad)


def test_a_norm_of_a_single_value_is_the_error_that_it_is_without():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    cpu_speed_hook.quicken(model)
    with pytest.raises(ValueError, match='more than 1 value'):
        model(torch.zeros(1, 3, 1, 1))

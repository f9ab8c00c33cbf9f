"""The deploy form computes what the training form computes."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from mmpose.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_amfac.deploy.fuse import switch_to_deploy
from mmpose_amfac.deploy.mish import FORMS, sign_of
from mmpose_amfac.errors import AMFACError

ROWS = ('r34-baseline', 'r34-afpn', 'r34-afpn-dgcb', 'r34-afpn-dgcb-scrm', 'r34-afpn-dgcb-scrm-se', 'r34')
SIZES = ((192, 256), (256, 256), (288, 384))


def build(config, size=(64, 96), seed=0, **changes):
    """A network with random weights and random batch norm statistics, in evaluation mode, float64."""
    config.merge_from_dict({'codec.input_size': size, 'model.head.decoder.input_size': size, **changes})
    torch.manual_seed(seed)
    model = MODELS.build(config.model).eval()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            for value, low, high in ((module.running_mean, -.3, .3), (module.running_var, .5, 1.5),
                                     (module.weight.data, .5, 1.5), (module.bias.data, -.3, .3)):
                value.uniform_(low, high)
        elif hasattr(module, 'shift'):
            torch.nn.init.uniform_(module.scale, -2, 2)
            torch.nn.init.uniform_(module.shift, -1, 1)
    return model.double()


def config_of(root, row='r34'):
    folder = 'coco' if row == 'r34' else 'ablation'
    return Config.fromfile(root / f'configs/{folder}/amfacpose_{row}_1xb32-140e_coco-384x288.py')


def logits(model, x):
    with torch.inference_mode():
        return model.head(model.extract_feat(x.to(next(model.parameters()).dtype)))


def distance(ours, reference):
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(ours, reference))


def check(model, mish, batch):
    """In float64 equal to rounding; in float32 as near to float64 as the training form itself, or within 1e-5."""
    width, height = model.head.decoder.input_size
    x = torch.randn(batch, 3, height, width, dtype=torch.float64)
    reference = logits(model, x)
    written = distance(logits(copy.deepcopy(model).float(), x), reference)
    for dtype, limit in ((torch.float64, 1e-11), (torch.float32, max(1e-5, 2 * written))):
        fused = copy.deepcopy(model).to(dtype)
        report = switch_to_deploy(fused, mish)
        assert distance(logits(fused, x), reference) <= limit
    return report


@pytest.mark.slow
@pytest.mark.parametrize('joints', [17, 14])
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('depth', [18, 34])
@pytest.mark.parametrize('row', ROWS)
def test_every_row_size_depth_and_skeleton(root, row, depth, size, joints):
    changes = {'model.backbone.depth': depth, 'model.head.out_channels': joints}
    forms = tuple(FORMS)
    check(build(config_of(root, row), size, seed=depth + joints, **changes), forms[(depth + joints) % 4], batch=1)


@pytest.mark.parametrize('row, mish', [*zip(ROWS, [*FORMS, *FORMS]), *(('r34', form) for form in FORMS)])
def test_every_row_and_form(root, row, mish):
    report = check(build(config_of(root, row), **{'model.backbone.depth': 18}), mish, batch=1)
    skipped = ' '.join(report.skipped)
    assert ('the stem has none' in skipped) == (row != 'r34')
    assert ('no SE behind the stages' in skipped) == (row not in ('r34', 'r34-afpn-dgcb-scrm-se'))
    assert ('no AFPN' in skipped) == (row == 'r34-baseline')
    assert ('neck and embedding work on axis means' in report.applied) == (row != 'r34-baseline')
    mask = 'the gates of each DGCB became one mask on the means'
    assert (mask in report.applied) == (row not in ('r34-baseline', 'r34-afpn')) != (f'{mask}: ' in skipped)


@settings(max_examples=15)
@given(data=st.data())
def test_every_reading_of_the_paper(data):
    """Arguments that the published figures leave open, in combinations; sizes that strides do not divide as well."""
    from mmpose_amfac.models.backbones import AMFACResNet  # noqa: F401
    draw = lambda *values: data.draw(st.sampled_from(values))  # noqa: E731
    out_indices = draw((1, 2, 3), (2, 3), (0, 1, 2, 3))
    in_stride = 2 << out_indices[0]
    channels = [(64, 128, 256, 512)[i] // 8 for i in out_indices]
    size = draw((72, 96), (48, 64), (56, 40))
    codec = dict(type='AMFACSimCCLabel', input_size=size)
    model = dict(
        type='TopdownPoseEstimator',
        backbone=dict(type='AMFACResNet', depth=18, stem_channels=draw((8, 8), (8, 8, 8, 8)),
                      stage_channels=(8, 16, 32, 64), coord_conv=draw('all', 'first', 'alternate', 'none'),
                      scrm=draw('block', 'stage', 'none'), scrm_kernel=draw(3, 7),
                      scrm_place=draw('before_add', 'after_add'), se=draw('stage', 'block', 'none'),
                      norm_after_dw=draw(False, True), out_indices=out_indices),
        neck=dict(type='AFPN', in_channels=channels, out_channels=16, modulation=draw('product', 'mask', 'none'),
                  align_corners=draw(False, True)),
        head=dict(type='AMFACHead', in_channels=16, out_channels=5, in_stride=in_stride, embed_dims=4, hidden_dims=8,
                  decoder=codec))
    if size[0] % in_stride or size[1] % in_stride:
        return
    seed = data.draw(st.integers(0, 99))
    check(build(Config(dict(model=model, codec=codec)), size, seed), draw(*FORMS), batch=2)


@pytest.mark.parametrize('dtype, limit', [(torch.float64, 1e-14), (torch.float32, 2e-6)])
@pytest.mark.parametrize('form', FORMS)
def test_forms_of_mish(form, dtype, limit):
    x = torch.linspace(-60, 60, 24001, dtype=dtype)
    reference = torch.nn.functional.mish(x.double())
    ours = FORMS[form]()(x * sign_of(FORMS[form]))
    error = (ours.double() - reference).abs() / x.double().abs().clamp(min=1)
    assert error.max() < limit


def test_sigmoid_form_is_finite_in_half_precision():
    x = torch.tensor([-65504, -100, -1, 0, 1, 100, 65504], dtype=torch.float16)
    ours = FORMS['sigmoid']()(x)
    assert torch.isfinite(ours).all()
    assert (ours[3:] == torch.nn.functional.mish(x.float())[3:].half()).all()


def test_other_head_keeps_maps(root):
    """A head that reads a map gets one: only the backbone is rewritten, and the report says what is not."""
    config = config_of(root)
    config.model.head = dict(type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=None,
                             decoder=dict(type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=2))
    model = build(config, **{'codec.input_size': (64, 96)})
    x = torch.randn(1, 3, 96, 64, dtype=torch.float64)
    with torch.inference_mode():
        reference = model.head(model.extract_feat(x))
        report = switch_to_deploy(model)
        ours = model.head(model.extract_feat(x))
    assert distance([ours], [reference]) < 1e-11
    assert any('HeatmapHead' in line for line in report.skipped)


def test_mistakes_are_named(root, r18):
    with pytest.raises(AMFACError, match='call model.eval'):
        switch_to_deploy(copy.deepcopy(r18).train())
    with pytest.raises(AMFACError, match="mish='relu' is not known; allowed: 'native'"):
        switch_to_deploy(r18, 'relu')
    switch_to_deploy(r18)
    with pytest.raises(AMFACError, match='deploy form already'):
        switch_to_deploy(r18)


def test_original_is_left_alone(r18):
    """Weights of the training form are not changed by the rewriting of a copy that shares them."""
    before = {k: v.clone() for k, v in r18.state_dict().items()}
    other = copy.copy(r18)
    other._modules = dict(r18._modules)
    switch_to_deploy(other, 'negated')
    assert all(torch.equal(v, before[k]) for k, v in r18.state_dict().items())

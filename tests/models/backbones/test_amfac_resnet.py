import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models import AMFACResNet
from mmpose_amfac.models.layers import SCRM, SE, CoordConv2d


@pytest.mark.parametrize('depth, blocks', [(18, [2, 2, 2, 2]), (34, [3, 4, 6, 3])])
def test_strides_widths_and_blocks(depth, blocks):
    model = MODELS.build(dict(type='AMFACResNet', depth=depth, out_indices=(0, 1, 2, 3))).eval()
    maps = model(torch.rand(1, 3, 64, 48))
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 32, 24), (128, 16, 12), (256, 8, 6), (512, 4, 3)]
    assert [len(stage) for stage in model.stages] == blocks


def count(model, kind):
    return sum(isinstance(m, kind) for m in model.modules())


@pytest.mark.parametrize('options, kind, expected', [
    (dict(coord_conv='all'), CoordConv2d, 4),
    (dict(coord_conv='first'), CoordConv2d, 1),
    (dict(coord_conv='alternate'), CoordConv2d, 2),
    (dict(coord_conv='none'), CoordConv2d, 0),
    (dict(scrm='block'), SCRM, 8),
    (dict(scrm='stage', scrm_kernel=7), SCRM, 4),
    (dict(scrm='none'), SCRM, 0),
    (dict(se='stage'), SE, 4),
    (dict(se='block', se_reduction=16), SE, 8),
    (dict(se='none'), SE, 0),
])
def test_each_module_can_be_switched(options, kind, expected):
    model = AMFACResNet(18, **options)
    assert count(model, kind) == expected
    assert all(torch.isfinite(m).all() for m in model(torch.rand(2, 3, 64, 48)))


def test_stages_that_nobody_reads_are_not_built():
    assert len(AMFACResNet(18, out_indices=(0, 1)).stages) == 2


def test_norm_eval_freezes_the_statistics():
    model = AMFACResNet(18, norm_eval=True).train()
    before = model.stem[1].running_mean.clone()
    model(torch.rand(2, 3, 64, 48))
    assert torch.equal(before, model.stem[1].running_mean)
    assert not any(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize('field, value', [
    ('depth', 50), ('coord_conv', 'some'), ('scrm', 'twice'), ('scrm_kernel', 4), ('scrm_place', 'above'),
    ('se', 'all'), ('se_reduction', 0), ('stem_channels', ()), ('stage_channels', (64, 128)), ('out_indices', (4, )),
    ('stem_channels', (16, 0)), ('stage_channels', (64, 128, 256, 0)), ('out_indices', (2, 1)), ('out_indices', 3),
    ('scrm_kernel', 'three'), ('se_reduction', 65), ('depth', '18'), ('stem_channels', (1, 2, 3, 4, 5)),
])
def test_bad_settings_are_named(field, value):
    with pytest.raises(AMFACError, match=field) as error:
        AMFACResNet(**{field: value})
    assert '\n' not in str(error.value)

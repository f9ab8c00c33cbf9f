import pytest
import torch
from mmpose.registry import MODELS
from torch.nn import functional as F

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models import AFPN


@pytest.fixture
def feats():
    g = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, c, *size, generator=g) for c, size in ((8, (16, 12)), (12, (8, 6)), (16, (4, 3))))


@pytest.mark.parametrize('modulation', ['product', 'mask', 'none'])
@pytest.mark.parametrize('align_corners', [False, True])
def test_eq_5_to_9(feats, modulation, align_corners):
    neck = MODELS.build(dict(type='AFPN', in_channels=(8, 12, 16), out_channels=6, modulation=modulation,
                             align_corners=align_corners)).eval()

    def up(x):
        return F.interpolate(x, (16, 12), mode='bilinear', align_corners=align_corners)

    levels = []
    for i, c in enumerate(feats):
        f = neck.lateral[i](c)
        if modulation == 'product':
            levels.append(up(f) * up(neck.dgcb[i](f)))
        elif modulation == 'mask':
            levels.append(up(f) * neck.dgcb[i].mask(f))
        else:
            levels.append(up(f))
    expected = neck.fusion(torch.cat(levels, 1))
    out, = neck(feats)
    assert out.shape == (2, 6, 16, 12)
    torch.testing.assert_close(out, expected)
    assert len(neck.dgcb) == (0 if modulation == 'none' else 3)


def test_levels_must_fit(feats):
    with pytest.raises(AMFACError, match='in_channels has 3'):
        AFPN((8, 12, 16), 6)(feats[:2])


@pytest.mark.parametrize('field, value', [('modulation', 'square'), ('dgcb_reduction', 0), ('in_channels', ()),
                                          ('in_channels', (0, )), ('in_channels', 64), ('out_channels', 0),
                                          ('dgcb_reduction', 65)])
def test_bad_settings_are_named(field, value):
    with pytest.raises(AMFACError, match=field) as error:
        AFPN(**{field: value})
    assert '\n' not in str(error.value)

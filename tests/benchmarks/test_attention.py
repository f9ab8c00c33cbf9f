"""The dual-gate context blocks on and off."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import attention
from benchmarks.results import read
from mmpose_amfac.apis import TorchEstimator
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models.necks import AFPN

BOX = np.array([[18, 16, 362, 511]], np.float32)


@pytest.fixture(scope='module')
def estimator():
    return TorchEstimator('amfacpose', device='cpu')


def test_gates_are_switched_for_a_while(estimator):
    neck = estimator.model.neck
    x = torch.randn(1, 64, 6, 5, generator=torch.Generator().manual_seed(0))
    block = neck.dgcb[0]
    with torch.inference_mode():
        before = block(x)
        with attention.gates(neck, 'off'):
            assert torch.equal(block(x), x)
        with attention.gates(neck, 'even'):
            even = block.mask(x).flatten()
        mean = x.mean((2, 3), keepdim=True)
        assert even.std() < 1e-6
        assert even[0].item() == pytest.approx((block.context(mean).mean() * block.guide(mean).mean()).item(), rel=1e-5)
        with attention.gates(neck, 'on'):
            assert torch.equal(block(x), before)
        assert torch.equal(block(x), before)


@pytest.mark.parametrize('modulation', ('product', 'mask'))
def test_maps_are_what_the_blocks_give(modulation):
    torch.manual_seed(0)
    neck = AFPN((8, 16), 4, modulation=modulation).eval()
    feats = [torch.randn(1, 8, 6, 4), torch.randn(1, 16, 3, 2)]
    with torch.inference_mode():
        found = attention.levels(neck, lambda: neck(feats))
        for i, level in enumerate(found):
            out = neck.dgcb[i](neck.lateral[i](feats[i]))
            np.testing.assert_allclose(level['on'], np.sqrt(
                (out[0].numpy() ** 2).mean(0)), rtol=1e-5)
            assert level['gate'].shape == (4, ) and (level['on'] < level['off']).all()


def test_a_network_without_blocks_is_told():
    bare = SimpleNamespace(config='bare.py', model=SimpleNamespace(neck=AFPN((8, 16), 4, modulation='none')))
    with pytest.raises(AMFACError, match='bare.py has no dual-gate context blocks'):
        attention.examine(bare, np.zeros((64, 48, 3), np.uint8), BOX)


def test_a_picture_needs_its_box(tmp_path):
    with pytest.raises(AMFACError, match='--image and --box'):
        attention.main(['--image', 'x.png', '--out', str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_command(tmp_path, estimator, astronaut, monkeypatch):
    assert attention.main(['--out', str(tmp_path)]) == 0
    with Image.open(tmp_path / 'attention.png') as picture:
        assert picture.width == 900
        assert np.asarray(picture.convert('L')).std() > 20
    assert (tmp_path / 'attention.png').stat().st_size < 300_000
    told, = read(tmp_path / 'attention.json', 'attention')
    with monkeypatch.context() as patch:
        patch.setattr(attention, 'examine', lambda *_: pytest.fail('made again'))
        assert attention.main(['--out', str(tmp_path)]) == 0
    assert told['picture']['name'] == 'skimage.data.astronaut' and told['occluder']['share'] == 0.15
    assert told['weights']['file'] == 'amfacpose_r18_128x96.pth'
    assert [level['size'] for level in told['levels']] == [[24, 32], [12, 16], [6, 8]]
    for level in told['levels']:
        assert 0 < level['gate']['min'] < level['gate']['max'] < 1
        assert abs(level['difference']['mean']) < 1e-5 < level['difference']['size']
        assert level['on']['mean'] < level['off']['mean']
    # the same picture without the command
    x1, y1, x2, y2 = map(int, told['occluder']['rectangle'])
    from benchmarks.scoring.occluders import Occluder
    hidden = Occluder('texture', 0.15, told['occluder']['seed'])(astronaut, BOX[0], 0)
    assert (hidden[y1:y2, x1:x2] != astronaut[y1:y2, x1:x2]).any()
    poses = estimator(hidden, BOX)
    np.testing.assert_allclose([joint['on']['xy'] for joint in told['joints']], poses.keypoints[0], atol=0.01)
    moved = [joint['moved']['off'] for joint in told['joints']]
    assert told['moved']['off']['all']['mean'] == pytest.approx(np.mean(moved)) and max(moved) > 1
    nose = told['joints'][0]
    assert moved[0] == pytest.approx(np.hypot(*np.subtract(nose['on']['xy'], nose['off']['xy'])), abs=1e-3)

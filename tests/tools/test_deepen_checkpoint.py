"""An R34 that starts as what an R18 has learned."""

import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.nn import functional as F

from mmpose_amfac.apis.weights import read_tensors
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models.backbones import AMFACResNet
from mmpose_amfac.models.backbones.deepen import deepen
from tools import deepen_checkpoint


def whole(backbone) -> dict:
    return {f'backbone.{name}': value for name, value in backbone.state_dict().items()}


def test_new_blocks_only_pass_their_input_through_the_activation():
    torch.manual_seed(0)
    shallow, deep = AMFACResNet(18).eval(), AMFACResNet(34).eval()
    state = whole(shallow)
    deeper = deepen(state, 34)
    deep.load_state_dict({name.removeprefix('backbone.'): value for name, value in deeper.items()})
    x = torch.randn(2, 64, 16, 12)
    torch.testing.assert_close(deep.stages[0](x), F.mish(shallow.stages[0](x)))
    assert state.keys() == whole(shallow).keys() and state.keys() < deeper.keys()
    # copies: training one does not move the other
    assert len({value.data_ptr() for name, value in deeper.items() if name.endswith('conv1.pw.weight')}) == 16


def test_the_deeper_network_sees_the_same_person(astronaut, tmp_path, monkeypatch):
    from mmpose_amfac.apis import TorchEstimator
    from mmpose_amfac.model_index import find
    packaged = find('amfacpose')
    monkeypatch.setattr(sys, 'argv', ['deepen_checkpoint.py', str(packaged.weights), str(tmp_path / 'r34.pth')])
    deepen_checkpoint.main()
    config = Config.fromfile(packaged.config)
    config.model.backbone.depth = 34
    config.dump(tmp_path / 'r34.py')
    box = [[40, 0, 470, 512]]
    shallow, deep = (estimator(astronaut, box) for estimator in (
        TorchEstimator(), TorchEstimator(str(tmp_path / 'r34.py'), tmp_path / 'r34.pth')))
    sure = shallow.keypoint_scores > 0.8
    away = np.linalg.norm(deep.keypoints - shallow.keypoints, axis=-1)
    # in a box of 430 x 512 pixels; untrained, the hips of the deeper one are 34 away
    assert sure.sum() >= 5 and np.median(away[sure]) < 15


@pytest.mark.parametrize(('have', 'depth', 'told'), [
    (34, 34, 'nothing to add'), (34, 18, 'nothing to add'), (18, 50, 'depth=50 must be one of 18, 34'),
    (None, 34, r'have \(0, 0, 0, 0\) blocks')])
def test_what_cannot_be_deepened_is_refused(have, depth, told):
    state = whole(AMFACResNet(have)) if have else {'backbone.conv1.weight': torch.ones(1)}
    with pytest.raises(AMFACError, match=told):
        deepen(state, depth)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    torch.save([1], tmp_path / 'list.pth')
    with pytest.raises(AMFACError, match='holds no state_dict'):
        read_tensors(tmp_path / 'list.pth')
    with pytest.raises(AMFACError, match='does not exist'):
        read_tensors(tmp_path / 'none.pth')

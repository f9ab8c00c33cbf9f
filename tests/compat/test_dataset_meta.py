"""The skeleton of a config whose data set wraps others."""

import pytest
from mmengine.config import Config

import mmpose_amfac  # noqa: F401


@pytest.mark.parametrize('config, joints', [
    ('real_data/amfacpose_r18_1xb64-10e_real-packed-128x96.py', 17),
    ('real_data/amfacpose_r18_1xb32-1e_real-packed-256x256.py', 17),
    ('real_data/amfacpose_r18_1xb32-2e_real-packed-256x256.py', 17),
    ('real_data/amfacpose_r34_1xb16-1e_real-packed-384x288.py', 17),
    ('real_data/amfacpose_r18_real-128x96.py', 17), ('real_data/amfacpose_r18_real-256x256.py', 17),
    ('real_data/amfacpose_r34_real-384x288.py', 17),
    ('lspet/amfacpose_r18_1xb64-20e_lspet-crowdpose14-64x48.py', 14)])
def test_packed_and_joined_data_sets_tell_their_skeleton(root, config, joints):
    from mmpose.apis.inference import dataset_meta_from_config as find
    config = Config.fromfile(root / 'configs' / config)
    assert find.__wrapped__(config, 'train') is None
    assert len(find(config)['keypoint_id2name']) == joints
    assert find(config, dataset_mode='test')['keypoint_id2name'] == find(config)['keypoint_id2name']


def test_none_stays_none():
    from mmpose.apis.inference import dataset_meta_from_config as find
    assert find(Config(dict(train_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[]))))) is None
    assert find(Config(dict(model=dict()))) is None
    unknown = dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[dict(type='Unknown')]))
    assert find(Config(dict(train_dataloader=dict(dataset=unknown)))) is None

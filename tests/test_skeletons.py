"""Skeletons: our COCO constants equal MMPose's, and broken ones are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.skeletons import COCO17, Skeleton


@pytest.fixture(scope='module')
def mmpose_datasets() -> Path:
    import mmpose_amfac  # noqa: F401  (its hooks make mmpose importable)
    mmpose = pytest.importorskip('mmpose')
    return Path(mmpose.__file__).parent / '.mim' / 'configs' / '_base_' / 'datasets'


def test_coco17_equals_mmpose(mmpose_datasets):
    """Both the written form and the parsed one give our constants, to the last digit."""
    from mmengine.config import Config
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    info = Config.fromfile(mmpose_datasets / 'coco.py').dataset_info
    assert Skeleton.from_metainfo(info) == COCO17
    parsed = parse_pose_metainfo(info)
    assert Skeleton.from_metainfo(parsed) == COCO17
    assert COCO17.flip_indices == parsed['flip_indices']


def test_every_data_set_of_mmpose_parses(mmpose_datasets):
    """Flipping twice restores the joints of all data sets but those whose file is wrong, and these are named."""
    from mmengine.config import Config
    refused, read = {}, 0
    for file in sorted(mmpose_datasets.glob('*.py')):
        info = Config.fromfile(file).get('dataset_info')
        if info is None:
            continue
        try:
            skeleton = Skeleton.from_metainfo(info)
        except AMFACError as error:
            refused[file.stem] = str(error)
            continue
        read += 1
        assert [skeleton.flip_indices[i] for i in skeleton.flip_indices] == list(range(len(skeleton))), file
    assert read > 20
    # joint 136 of the 294 is exchanged with 140, but 140 with itself: wrong in MMPose's file
    assert set(refused) == {'deepfashion2'} and 'joint 136' in refused['deepfashion2']


def test_left_and_right_are_exchanged():
    names = [COCO17.joints[i] for i in COCO17.flip_indices]
    expected = [n.replace('left', '*').replace('right', 'left').replace('*', 'right') for n in COCO17.joints]
    assert names == expected


@pytest.mark.parametrize('change, message', [
    (dict(flip_pairs=((1, 2), (2, 3))), 'two pairs'),
    (dict(links=((0, 17), ), link_colors=((0, 0, 0), )), 'links'),
    (dict(sigmas=(0.1, )), 'sigmas'),
    (dict(joint_colors=((0, 0, 0), )), 'joint_colors'),
])
def test_broken_skeletons_are_refused(change, message):
    with pytest.raises(AMFACError, match=message):
        replace(COCO17, **change)


def test_one_sided_swap_is_refused():
    info = dict(dataset_name='x', sigmas=[.1, .1], skeleton_info={},
                keypoint_info={0: dict(name='l', swap='r'), 1: dict(name='r', swap='')})
    with pytest.raises(AMFACError, match='flipping twice'):
        Skeleton.from_metainfo(info)


def test_unknown_names_and_shapes_are_refused():
    info = dict(dataset_name='x', sigmas=[.1], skeleton_info={}, keypoint_info={0: dict(name='a', swap='b')})
    with pytest.raises(AMFACError, match="names the joint 'b'"):
        Skeleton.from_metainfo(info)
    with pytest.raises(AMFACError, match='keypoint_info'):
        Skeleton.from_metainfo({})

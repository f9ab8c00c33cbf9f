"""``PackedCrops``: the same crops and joints as MMPose's pipeline cuts, from files that are whole or not there."""

import json
import pickle

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS, TRANSFORMS

from mmpose_amfac.errors import AMFACError


@pytest.fixture
def folder(tmp_path):
    """Three people in two pictures of noise."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'{i}.png'), rng.integers(0, 255, (120, 90, 3), np.uint8))
        images.append(dict(id=i, file_name=f'{i}.png', width=90, height=120))
    for i, box in enumerate(([10, 20, 50, 80], [30, 5, 40, 60], [0, 0, 90, 120])):
        points = np.c_[rng.uniform(10, 80, (17, 2)), rng.choice([0, 2], 17, p=[0.2, 0.8])]
        annotations.append(dict(id=i + 1, image_id=i % 2, category_id=1, iscrowd=0, area=2000.0, bbox=box,
                                num_keypoints=int((points[:, 2] > 0).sum()), keypoints=points.ravel().tolist()))
    (tmp_path / 'three.json').write_text(json.dumps(
        dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])))
    return tmp_path


def build(folder, **options):
    dataset = dict(type='CocoDataset', data_root=str(folder), data_mode='topdown', ann_file='three.json',
                   data_prefix=dict(img=''))
    return DATASETS.build(dict(dict(type='PackedCrops', dataset=dataset, input_size=(24, 32),
                                    cache=str(folder / 'packed')), **options))


def test_the_middle_of_a_crop_is_what_evaluation_shows(folder):
    packed = build(folder)
    steps = [TRANSFORMS.build(step) for step in (
        dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(24, 32)))]
    assert len(packed) == 3
    for i in range(3):
        expected = packed.dataset.get_data_info(i)
        for step in steps:
            expected = step(expected)
        found = packed[i]
        assert found['inputs'].shape == (3, 48, 36)
        middle = found['inputs'][:, 8:40, 6:30].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(middle.astype(int), expected['img'].astype(int), atol=1)
        joints = found['data_samples'].gt_instances
        np.testing.assert_allclose(joints.keypoints - [6, 8], expected['transformed_keypoints'], atol=1e-3)
        np.testing.assert_array_equal(joints.keypoints_visible, expected['keypoints_visible'])


def test_files_are_cut_once_and_anew_for_other_labels(folder):
    first = build(folder)
    first.full_init()
    files = {path: path.stat().st_mtime_ns for path in (folder / 'packed').iterdir()}
    assert len(files) == 2 and not [path for path in files if path.suffix == '.part']
    again = build(folder)
    np.testing.assert_array_equal(again[1]['inputs'], first[1]['inputs'])
    assert {path: path.stat().st_mtime_ns for path in (folder / 'packed').iterdir()} == files
    content = json.loads((folder / 'three.json').read_text())
    content['annotations'][0]['keypoints'][0] += 1
    (folder / 'three.json').write_text(json.dumps(content))
    build(folder).full_init()
    assert len(list((folder / 'packed').iterdir())) == 4


def test_labels_with_a_dot_in_their_name_and_workers(folder):
    (folder / 'three.v1.json').write_text((folder / 'three.json').read_text())
    dataset = dict(type='CocoDataset', data_root=str(folder), data_mode='topdown', ann_file='three.v1.json',
                   data_prefix=dict(img=''))
    first, other = build(folder, dataset=dataset), build(folder, dataset=dataset, margin=2.0)
    assert first[0]['inputs'].shape == (3, 48, 36) and other[0]['inputs'].shape == (3, 64, 48)
    sent = pickle.dumps(first)
    assert len(sent) < 20000
    np.testing.assert_array_equal(pickle.loads(sent)[2]['inputs'], first[2]['inputs'])


def test_an_interrupted_packing_leaves_nothing(folder):
    (folder / '1.png').unlink()
    with pytest.raises(Exception, match='1.png'):
        build(folder).full_init()
    assert list((folder / 'packed').iterdir()) == []


@pytest.mark.parametrize('options, message', [
    (dict(margin=0.5), 'margin'), (dict(margin=1.51), 'not whole'), (dict(input_size=(24, )), 'input_size')])
def test_wrong_arguments(folder, options, message):
    with pytest.raises(AMFACError, match=message):
        build(folder, **options)


def test_a_bottom_up_data_set_is_refused(folder):
    dataset = dict(type='CocoDataset', data_root=str(folder), data_mode='bottomup', ann_file='three.json',
                   data_prefix=dict(img=''))
    with pytest.raises(AMFACError, match="must be 'topdown'"):
        build(folder, dataset=dataset)

"""Poses: validation, slicing, COCO JSON there and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses


def make(n=3, joints=5, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-50, 600, (n, 2))
    return Poses(rng.uniform(-100, 2000, (n, joints, 2)), rng.uniform(0, 1, (n, joints)),
                 np.concatenate([corner, corner + rng.uniform(1, 400, (n, 2))], 1), rng.uniform(0, 1, n))


def test_empty_has_no_person_but_all_axes():
    poses = Poses.empty(17)
    assert len(poses) == 0
    assert poses.keypoints.shape == (0, 17, 2) and poses.keypoint_scores.shape == (0, 17)
    assert poses.bboxes.shape == (0, 4) and poses.bbox_scores.shape == (0, )
    assert poses.to_coco(1) == [] and poses.scores.shape == (0, )


@pytest.mark.parametrize('index, kept', [
    (slice(1, None), [1, 2]),
    (np.array([True, False, True]), [0, 2]),
    ([2, 0], [2, 0]),
    (1, [1]),
    (np.zeros(3, bool), []),
])
def test_slicing_keeps_persons_whole(index, kept):
    poses = make()
    part = poses[index]
    assert len(part) == len(kept)
    for field in vars(poses):
        np.testing.assert_array_equal(getattr(part, field), getattr(poses, field)[kept])


@pytest.mark.parametrize('field, value', [
    ('keypoints', np.zeros((3, 5, 3))),
    ('keypoint_scores', np.zeros((3, 4))),
    ('bboxes', np.zeros((2, 4))),
    ('bbox_scores', np.zeros((3, 1))),
    ('keypoint_scores', np.full((3, 5), 1.5)),
    ('bbox_scores', np.full(3, -0.1)),
    ('keypoints', np.full((3, 5, 2), np.nan)),
])
def test_bad_arrays_are_named(field, value):
    arrays = {**vars(make()), field: value}
    with pytest.raises(AMFACError, match=field):
        Poses(**arrays)


def test_score_is_that_of_cocometric():
    """Box score times the mean of the joint scores above 0.2; no such joint gives 0."""
    scores = np.array([[0.9, 0.2, 0.5, 0.1], [0.1, 0.2, 0.0, 0.19]])
    poses = Poses(np.zeros((2, 4, 2)), scores, np.tile([0, 0, 5, 5], (2, 1)), [0.5, 1.0])
    np.testing.assert_allclose(poses.scores, [0.5 * (0.9 + 0.5) / 2, 0], rtol=1e-6)


def test_raw_scores_are_clipped_but_rank_as_they_are():
    raw = np.array([[1.2, 3.0], [5.0, 1.5], [0.1, -0.3]])
    poses = Poses.of_raw(np.zeros((3, 2, 2)), raw, np.tile([0, 0, 5, 5], (3, 1)), [1.0, 0.5, 1.0])
    np.testing.assert_allclose(poses.keypoint_scores, [[1, 1], [1, 1], [0.1, 0]])
    np.testing.assert_allclose(poses.scores, [2.1, 0.5 * 3.25, 0])
    np.testing.assert_allclose(poses[[1, 0]].scores, [1.625, 2.1])
    assert [row['score'] for row in poses.to_coco(1)] == pytest.approx([2.1, 1.625, 0])
    with pytest.raises(AMFACError, match='scores must have the shape'):
        Poses(np.zeros((1, 2, 2)), np.ones((1, 2)), [[0, 0, 5, 5]], [1.0], [1.0, 1.0])


def test_to_coco_is_plain_json():
    results = make().to_coco(image_id=7, category_id=1, first_id=40)
    assert json.loads(json.dumps(results)) == results
    assert [r['id'] for r in results] == [40, 41, 42]
    first = results[0]
    assert first['image_id'] == 7 and first['category_id'] == 1 and len(first['keypoints']) == 15
    box = make().bboxes[0]
    np.testing.assert_allclose(first['bbox'], [*box[:2], *(box[2:] - box[:2])], atol=1e-3)
    assert first['keypoint_scores'] == first['keypoints'][2::3]


@given(n=st.integers(0, 4), joints=st.integers(1, 20), seed=st.integers(0, 1000))
def test_coco_round_trip(n, joints, seed):
    poses = make(n, joints, seed)
    back = Poses.from_coco(poses.to_coco(1), joints)
    for field, tolerance in dict(keypoints=6e-4, keypoint_scores=1e-6, bboxes=2e-3, bbox_scores=1e-6).items():
        np.testing.assert_allclose(getattr(back, field), getattr(poses, field), atol=tolerance, rtol=0)


def test_pycocotools_reads_the_results(tmp_path):
    from pycocotools.coco import COCO
    truth = tmp_path / 'truth.json'
    truth.write_text(json.dumps(dict(images=[dict(id=1, width=9, height=9)], annotations=[], info={},
                                     categories=[dict(id=1, name='person')])))
    loaded = COCO(str(truth)).loadRes(make(joints=17).to_coco(1))
    assert len(loaded.anns) == 3


def test_from_coco_of_other_tools():
    """Without boxes the joints' own box is taken; a wrong number of joints is named."""
    poses = Poses.from_coco([dict(keypoints=[1, 2, .5, 5, 9, 1])], 2)
    np.testing.assert_array_equal(poses.bboxes, [[1, 2, 5, 9]])
    assert poses.bbox_scores.tolist() == [1.0]
    with pytest.raises(AMFACError, match=r'results\[0\]\.keypoints must be 9 numbers'):
        Poses.from_coco([dict(keypoints=[1, 2, 3])], 3)
    with pytest.raises(AMFACError, match=r'results\[0\]\.bbox must be four'):
        Poses.from_coco([dict(keypoints=[1, 2, 1], bbox=[1, 2, 3])], 1)

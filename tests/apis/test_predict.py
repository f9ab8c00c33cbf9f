"""predict: batches across frames, order, memory, nobody, broken frames."""

import gc
import weakref
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpose_amfac.apis import Frame, predict
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses


def frames(count, images=None):
    """``count`` pictures; ``images`` counts those that are still referenced."""
    for i in range(count):
        image = np.full((20, 30, 3), i % 256, np.uint8)
        if images is not None:
            images['alive'] += 1
            weakref.finalize(image, images.subtract, alive=1)
        yield Frame('v.mp4', i, image)


def boxes_of(counts):
    """Frame i has ``counts[i]`` boxes; box j of frame i is centred at (10 i + j + 5, 5)."""

    def find(frame):
        n = counts[frame.index]
        left = 10 * frame.index + np.arange(n, dtype=np.float32)
        return np.stack([left, np.zeros(n), left + 10, np.full(n, 10)], 1).astype(np.float32), np.full(n, 0.5)

    return find


def check(results, counts):
    assert [f.index for f, _ in results] == list(range(len(counts)))
    for i, (_, poses) in enumerate(results):
        assert len(poses) == counts[i]
        assert poses.keypoints.shape == (counts[i], 3, 2)
        for j in range(counts[i]):
            np.testing.assert_allclose(poses.keypoints[j], np.tile([10 * i + j + 5, 5], (3, 1)), atol=1e-3)
            assert (poses.keypoint_scores[j] == 0.5).all()


@settings(deadline=None, max_examples=60)
@given(counts=st.lists(st.integers(0, 9), max_size=30), batch_size=st.integers(1, 7))
def test_every_person_lands_in_its_frame(fake_estimator, counts, batch_size):
    estimator = fake_estimator(batch_size)
    check(list(predict(frames(len(counts)), estimator, boxes=boxes_of(counts))), counts)
    assert sum(estimator.calls) == sum(counts)
    assert max(estimator.calls, default=0) <= batch_size


def test_calls_are_those_of_full_batches(fake_estimator):
    """12 persons in each of 20 frames at batch 32: ceil(240 / 32) calls, all full but the last."""
    estimator = fake_estimator(32)
    check(list(predict(frames(20), estimator, boxes=boxes_of([12] * 20))), [12] * 20)
    assert estimator.calls == [32] * 7 + [16]


def test_one_person_a_frame_is_batched_too(fake_estimator):
    estimator = fake_estimator(8)
    check(list(predict(frames(24), estimator, boxes=boxes_of([1] * 24))), [1] * 24)
    assert estimator.calls == [8, 8, 8]


@pytest.mark.parametrize('counts', [[1] + [0] * 400, [1] * 400, [0] * 400, [3, 0] * 200])
def test_frames_held_at_once_are_bounded(fake_estimator, counts):
    """One person followed by a long empty stretch must not pile up frames."""
    images, most = Counter(alive=0), 0
    for _ in predict(frames(len(counts), images), fake_estimator(8), boxes=boxes_of(counts)):
        most = max(most, images['alive'])
    del _
    gc.collect()
    assert 1 <= most <= 8 + 2
    assert images['alive'] == 0


def test_nobody_is_empty_not_the_whole_picture(fake_estimator):
    estimator = fake_estimator()
    nobody = lambda image: (np.zeros((0, 4), np.float32), np.zeros(0, np.float32))  # noqa: E731
    results = [poses for _, poses in predict(frames(3), estimator, nobody)]
    assert [p.keypoints.shape for p in results] == [(0, 3, 2)] * 3
    assert [p.keypoint_scores.shape for p in results] == [(0, 3)] * 3
    assert estimator.calls == []


def test_broken_frames_pass_in_place(fake_estimator):
    def mixed():
        yield Frame('a', 0, np.zeros((9, 9, 3), np.uint8))
        yield Frame('b', 0, None, 'broken')
        yield Frame('c', 0, np.zeros((9, 9, 3), np.uint8))

    detector = lambda image: (np.array([[0, 0, 9, 9]], np.float32), np.ones(1))  # noqa: E731
    results = list(predict(mixed(), fake_estimator(), detector))
    assert [(f.name, f.error, len(p)) for f, p in results] == [('a', None, 1), ('b', 'broken', 0), ('c', None, 1)]


def test_picture_without_entry_is_reported(fake_estimator):
    def boxes(frame):
        raise AMFACError(f'{frame.index} is not listed')

    ((frame, poses), ) = predict(frames(1), fake_estimator(), boxes=boxes)
    assert frame.error == '0 is not listed' and frame.image is None and isinstance(poses, Poses) and not len(poses)


@pytest.mark.parametrize('boxes, scores, message', [
    ([[0, 0, 9, 9]], [np.nan], 'scores of the boxes must be 1 numbers'), ([[0, 0, 9, 9]], [1, 1], 'must be 1 numbers'),
    ([[0, 0, 0, 9]], [1], 'has no area'), ([[0, 0, np.nan, 9]], [1], 'not finite'), ([[0, 0, 9]], [1], 'shape'),
    (None, None, 'shape')])
def test_wrong_boxes_cost_their_frame_only(fake_estimator, boxes, scores, message):
    """The second of three frames."""

    def find(frame):
        return (boxes, scores) if frame.index == 1 else ([[0, 0, 9, 9]], [1])

    results = list(predict(frames(3), fake_estimator(), boxes=find))
    assert [len(poses) for _, poses in results] == [1, 0, 1]
    assert results[1][0].image is None and message in results[1][0].error


def test_crops_that_cannot_be_cut_cost_their_frame_only(fake_estimator):
    estimator = fake_estimator()
    crop = estimator.crop

    def cut(image, boxes):
        if image[0, 0, 0] == 1:
            raise AMFACError('OpenCV cannot')
        return crop(image, boxes)

    estimator.crop = cut
    results = list(predict(frames(3), estimator, boxes=boxes_of([1, 1, 1])))
    assert [(frame.error, len(poses)) for frame, poses in results] == [(None, 1), ('OpenCV cannot', 0), (None, 1)]


@pytest.mark.parametrize('kwargs', [{}, dict(detector=print, boxes=print)])
def test_exactly_one_source_of_boxes(fake_estimator, kwargs):
    with pytest.raises(AMFACError, match='either a detector or boxes'):
        predict(frames(1), fake_estimator(), **kwargs)


def test_frames_are_taken_lazily(fake_estimator):
    taken = []

    def counted():
        for frame in frames(1000):
            taken.append(frame.index)
            yield frame

    results = predict(counted(), fake_estimator(4), boxes=boxes_of([1] * 1000))
    next(results)
    assert len(taken) == 4


def test_poses_that_are_no_numbers_cost_their_frame_only(fake_estimator):
    """The second of three frames overflows; the others are done."""
    estimator = fake_estimator()
    to_image = estimator.to_image
    estimator.to_image = lambda points, center, scale: to_image(points, center, scale) * (
        np.inf if center[0, 0] == 15 else 1)
    results = list(predict(frames(3), estimator, boxes=boxes_of([1, 1, 1])))
    assert [len(poses) for _, poses in results] == [1, 0, 1]
    assert [frame.error for frame, _ in results] == [None, 'keypoints holds a value that is not finite', None]
    assert [frame.image is None for frame, _ in results] == [False, True, False]

"""Drawing: pixels change near the person only, and no coordinate can break it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpose_amfac.draw import draw_poses
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import COCO17


def person(x=200.0, y=100.0, size=120.0, score=0.9):
    """A standing stick figure in a box of ``size`` x ``size / 2``."""
    rows = [0.1] * 5 + [0.25] * 2 + [0.4] * 2 + [0.5] * 2 + [0.55] * 2 + [0.75] * 2 + [0.95] * 2
    columns = [0.25, 0.27, 0.23, 0.3, 0.2] + [0.35, 0.15] * 6
    keypoints = np.stack([x + size * np.array(columns), y + size * np.array(rows)], 1)[None]
    return Poses(keypoints, np.full((1, 17), score), [[x, y, x + size / 2, y + size]], [0.8])


def changed(image, drawn):
    return np.argwhere((image != drawn).any(axis=2))


def test_pixels_change_only_near_the_person():
    image = np.full((400, 500, 3), 128, np.uint8)
    rows, columns = changed(image, draw_poses(image, person())).T
    assert len(rows) > 500
    assert rows.min() >= 90 and rows.max() <= 230 and columns.min() >= 190 and columns.max() <= 270
    assert (image == 128).all(), 'the input must not be drawn on'


def test_colours_are_left_and_right():
    """MMPose's left is green, right is orange: sampled in the middle of the lower arms."""
    image = np.zeros((400, 500, 3), np.uint8)
    poses = person(size=300)
    drawn = draw_poses(image, poses, boxes=False)
    middle = lambda a, b: tuple(np.rint(poses.keypoints[0, [a, b]].mean(0)).astype(int)[::-1])  # noqa: E731
    assert drawn[middle(7, 9)].tolist() == [0, 255, 0]
    assert drawn[middle(8, 10)].tolist() == [0, 128, 255]


@pytest.mark.parametrize('poses, kwargs', [
    (Poses.empty(17), {}),
    (person(score=0.2), dict(boxes=False)),  # all joints below the threshold
    (person(x=5000, y=5000), dict(boxes=False)),  # beside the picture
])
def test_nothing_to_draw(poses, kwargs):
    image = np.full((400, 500, 3), 7, np.uint8)
    np.testing.assert_array_equal(draw_poses(image, poses, **kwargs), image)


def test_threshold_removes_the_links_of_a_joint():
    image = np.zeros((400, 500, 3), np.uint8)
    whole = person(size=300)
    whole.keypoint_scores[0, 9] = 0.1
    rows, columns = changed(draw_poses(image, person(size=300), boxes=False), draw_poses(image, whole, boxes=False)).T
    elbow, wrist = whole.keypoints[0, [7, 9]]
    assert len(rows) and rows.min() >= elbow[1] - 8 and rows.max() <= wrist[1] + 8


def test_width_follows_the_person():
    image = np.zeros((900, 900, 3), np.uint8)
    small, large = (len(changed(image, draw_poses(image, person(0, 0, size), boxes=False))) for size in (60, 720))
    # twelve times longer links that are also wider
    assert large > 2 * 12 * small


def test_link_to_a_joint_outside_ends_at_the_border():
    image = np.zeros((100, 100, 3), np.uint8)
    poses = person(10, 10, 80)
    poses.keypoints[0, 9] = (400, 60)
    drawn = draw_poses(image, poses, boxes=False)
    assert (drawn[:, 99, 1] > 100).any() and (drawn[:, 99, [0, 2]] == 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-2.0**100, 2.0**100, width=32), min_size=38, max_size=38), st.integers(1, 60),
       st.integers(1, 60))
def test_any_coordinate_is_safe(values, height, width):
    keypoints = np.array(values[:34], np.float32).reshape(1, 17, 2)
    poses = Poses(keypoints, np.ones((1, 17)), np.array(values[34:], np.float32)[None], [1])
    assert draw_poses(np.zeros((height, width, 3), np.uint8), poses).shape == (height, width, 3)


@pytest.mark.parametrize('image', [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3), np.float32)])
def test_wrong_image_is_named(image):
    with pytest.raises(AMFACError, match='uint8 BGR'):
        draw_poses(image, Poses.empty(17))


def test_other_number_of_joints_is_named():
    with pytest.raises(AMFACError, match='14 joints'):
        draw_poses(np.zeros((5, 5, 3), np.uint8), Poses.empty(14), COCO17)

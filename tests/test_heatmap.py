"""Heatmap decoding against MMPose's, and mirrored maps."""

import numpy as np
import pytest

from mmpose_amfac import heatmap
from mmpose_amfac.errors import AMFACError


def bumps(rng, count=3, joints=17, height=64, width=48, sigma=2.0):
    """Maps with one Gaussian each, up to and over the border, and a little noise."""
    x, y = rng.uniform(-1, width, (count, joints)), rng.uniform(-1, height, (count, joints))
    grid_y, grid_x = np.mgrid[:height, :width]
    maps = np.exp(-((grid_x - x[..., None, None])**2 + (grid_y - y[..., None, None])**2) / (2 * sigma**2))
    maps = maps * rng.uniform(0.05, 1, (count, joints))[..., None, None]
    return (maps + rng.uniform(0, 0.02, maps.shape)).astype(np.float32), np.stack([x, y], -1)


def test_refinements_equal_mmpose():
    """The very numbers of MMPose, whose quarter step and DARK work joint by joint."""
    pytest.importorskip('mmpose')
    from mmpose.codecs.utils import get_heatmap_maximum
    from mmpose.codecs.utils.refinement import refine_keypoints, refine_keypoints_dark
    maps, _ = bumps(np.random.default_rng(0))
    for refine, kernel in (('none', 11), ('quarter', 11), ('dark', 11), ('dark', 17), ('dark', 3)):
        keypoints, scores = heatmap.decode(maps, 4, refine, kernel)
        for own, score, person in zip(keypoints, scores, maps):
            expected, peaks = get_heatmap_maximum(person)
            expected = expected[None]
            if refine == 'quarter':
                expected = refine_keypoints(expected, person)
            elif refine == 'dark':
                expected = refine_keypoints_dark(expected, person.copy(), kernel)
            step = np.abs(expected - get_heatmap_maximum(person)[0]).max(-1)[0]
            # noise may ask for a leap, which MMPose makes
            sane = step <= heatmap.REACH
            assert sane.mean() > 0.9
            np.testing.assert_allclose(own[sane], expected[0][sane] * 4, atol=2e-3)
            np.testing.assert_array_equal(score, peaks)


def test_dark_finds_the_middle_of_a_bump():
    maps, middle = bumps(np.random.default_rng(1))
    inside = ((middle > 4) & (middle < [43, 59])).all(-1) & (maps.max((2, 3)) > 0.3)
    keypoints, _ = heatmap.decode(maps, 1)
    distance = np.linalg.norm(keypoints - middle, axis=-1)[inside]
    best, _ = heatmap.decode(maps, 1, 'none')
    assert distance.mean() < 0.5 * np.linalg.norm(best - middle, axis=-1)[inside].mean()


@pytest.mark.parametrize('maps', [np.zeros((2, 3, 8, 6)), np.full((1, 3, 8, 6), -1.0), np.ones((1, 1, 5, 5)),
                                  np.zeros((0, 17, 8, 6)), np.ones((1, 2, 1, 1)), np.eye(6)[None, None] * 1e-30])
@pytest.mark.parametrize('refine', heatmap.REFINE)
def test_flat_and_tiny_maps_give_finite_joints(maps, refine):
    keypoints, scores = heatmap.decode(maps, 4, refine)
    assert keypoints.shape == (*maps.shape[:2], 2) and scores.shape == maps.shape[:2]
    assert np.isfinite(keypoints).all()


def test_mistakes_are_named():
    with pytest.raises(AMFACError, match="refine='best'"):
        heatmap.decode(np.zeros((1, 1, 4, 4)), refine='best')
    with pytest.raises(AMFACError, match=r'\(n, K, h, w\)'):
        heatmap.decode(np.zeros((1, 4, 4)))


def test_flip_back_swaps_joints_and_shifts_one_cell():
    maps = np.zeros((1, 3, 4, 8), np.float32)
    maps[0, 1, 2, 6] = 1
    back = heatmap.flip_back(maps, [0, 2, 1])
    # reversed the cell 6 is cell 1, shifted it is cell 2
    assert np.argwhere(back).tolist() == [[0, 2, 2, 2]]

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac import simcc
from mmpose_amfac.errors import AMFACError

SIZE = (96, 128)
ratios = st.sampled_from([1.0, 2.0, 3.0])
inside = st.tuples(st.floats(0, 95, width=32), st.floats(0, 127, width=32))


def encode(point, ratio, **kwargs):
    return simcc.encode(np.array([[point]], np.float32), np.ones((1, 1)), SIZE, ratio, **kwargs)


@given(inside, ratios)
def test_onehot_round_trip_is_exact_to_half_a_bin(point, ratio):
    x, y, weights = encode(point, ratio)
    keypoints, scores = simcc.decode(x, y, ratio)
    assert weights[0, 0] == 1 and scores[0, 0] == 1
    assert np.abs(keypoints[0, 0] - point).max() <= 0.5 / ratio + 1e-5


@given(st.tuples(st.floats(12, 83, width=32), st.floats(12, 115, width=32)), st.sampled_from([2.0, 3.0]))
def test_window_reaches_below_one_bin(point, ratio):
    # away from the border, where the window holds the whole Gaussian
    x, y, _ = encode(point, ratio, target='gaussian', sigma=(3.0, 4.0))
    keypoints, _ = simcc.decode(x, y, ratio, window=12)
    assert np.abs(keypoints[0, 0] - point).max() <= 0.05 / ratio


@given(st.tuples(st.floats(-300, 300, width=32), st.floats(-300, 300, width=32)), st.sampled_from(simcc.TARGETS))
def test_rows_are_distributions_and_what_lies_outside_has_no_weight(point, target):
    x, y, weights = encode(point, 2.0, target=target)
    in_range = all(0 <= np.rint(np.float32(p) * np.float32(2)) < n for p, n in zip(point, simcc.bins(SIZE, 2.0)))
    assert weights[0, 0] == float(in_range)
    for row in (x, y):
        assert row.sum() == pytest.approx(float(in_range), abs=1e-5) and row.min() >= 0


def test_unlabelled_joints_have_empty_rows():
    x, y, weights = simcc.encode(np.full((1, 2, 2), 10.0), np.array([[0.0, 1.0]]), SIZE)
    assert weights.tolist() == [[0.0, 1.0]] and x[0, 0].sum() == 0 and y[0, 1].sum() == 1


@pytest.mark.parametrize('target, sigma', [('onehot', 1.0), ('gaussian', 2.45), ('gaussian', 6.0)])
def test_target_peak_is_the_largest_value_of_a_smoothed_row(target, sigma):
    x, _, _ = encode((48, 64), 2.0, target=target, sigma=(sigma, sigma))
    smooth = 0.9 * x[0, 0] + 0.1 / x.shape[-1]
    assert simcc.target_peak(x.shape[-1], target, sigma, 0.1) == pytest.approx(smooth.max(), rel=1e-5)


def test_score_is_the_smaller_peak():
    x, y = np.zeros((1, 1, 192)), np.zeros((1, 1, 256))
    x[..., 10], y[..., 20] = 0.25, 0.75
    keypoints, scores = simcc.decode(x, y)
    assert keypoints[0, 0].tolist() == [5.0, 10.0] and scores[0, 0] == 0.25


@pytest.mark.parametrize('bin_', [0, 191])
def test_window_at_the_border_stays_inside(bin_):
    x, y = np.zeros((1, 1, 192)), np.zeros((1, 1, 256))
    x[..., bin_], y[..., 0] = 1, 1
    keypoints, _ = simcc.decode(x, y, window=5)
    assert keypoints[0, 0].tolist() == [bin_ / 2, 0]


def test_bad_settings_are_named():
    with pytest.raises(AMFACError, match='window'):
        simcc.decode(np.ones((1, 1, 4)), np.ones((1, 1, 4)), window=-1)
    with pytest.raises(AMFACError, match='onehot'):
        encode((1, 1), 2.0, target='heatmap')


def test_same_answer_as_the_foreign_decoder():
    # MMPose's get_simcc_maximum, which the SDK and rtmlib copy, on the head's kind of vectors
    from mmpose.codecs.utils import get_simcc_maximum
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1e-6, 1, (3, 17, 192)).astype('f4'), rng.uniform(1e-6, 1, (3, 17, 256)).astype('f4')
    ours, our_scores = simcc.decode(x, y, 2.0)
    theirs, their_scores = get_simcc_maximum(x, y)
    np.testing.assert_array_equal(ours, theirs / 2)
    np.testing.assert_array_equal(our_scores, their_scores)


@pytest.mark.parametrize('split_ratio', [0.5, 1, 2, 2.4, 3])
def test_flip_back_equals_that_of_training(split_ratio):
    torch = pytest.importorskip('torch')
    from mmpose_amfac.models.layers import flip_back
    x, y = np.random.default_rng(0).random((2, 4, 5, 24)).astype(np.float32)
    expected = flip_back(torch.from_numpy(x), torch.from_numpy(y), [0, 2, 1, 4, 3], split_ratio)
    for own, theirs in zip(simcc.flip_back(x, y, [0, 2, 1, 4, 3], split_ratio), expected):
        np.testing.assert_array_equal(own, theirs.numpy())

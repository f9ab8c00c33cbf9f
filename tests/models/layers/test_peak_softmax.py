import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac import simcc
from mmpose_amfac.models.layers import flip_back, peak_normalise


@given(st.lists(st.floats(-30, 30, width=32), min_size=4, max_size=20), st.floats(0.05, 1))
def test_peak_normalised_vectors_are_scores(logits, peak):
    p = torch.softmax(torch.tensor(logits), -1)
    v = peak_normalise(p, peak)
    assert v.min() >= 0 and v.max() <= 1
    assert v.argmax() == p.argmax()
    assert v.max().item() == pytest.approx(min(1, p.max().item() / peak), rel=1e-5)


@pytest.mark.parametrize('ratio', [1.0, 2.0, 3.0])
def test_flip_back_finds_the_bin_of_the_mirrored_pixel(ratio):
    width, pairs = 96, [0, 2, 1]
    points = np.array([[[10, 5], [40, 50], [80, 100]]], 'f4')
    mirrored = points.copy()
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    mirrored = mirrored[:, pairs]
    x, y, _ = simcc.encode(mirrored, np.ones((1, 3)), (width, 128), ratio)
    x, y = flip_back(torch.from_numpy(x), torch.from_numpy(y), pairs, ratio)
    decoded, _ = simcc.decode(x.numpy(), y.numpy(), ratio)
    np.testing.assert_array_equal(decoded, points)

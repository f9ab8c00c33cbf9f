import numpy as np
import pytest
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS

from mmpose_amfac import simcc
from mmpose_amfac.codecs import AMFACSimCCLabel
from mmpose_amfac.errors import AMFACError


def test_is_registered_and_a_simcc_label():
    codec = KEYPOINT_CODECS.build(dict(type='AMFACSimCCLabel', input_size=(192, 256)))
    assert isinstance(codec, AMFACSimCCLabel) and isinstance(codec, SimCCLabel)
    assert codec.bins == (384, 512)


@pytest.mark.parametrize('target, window', [('onehot', 0), ('gaussian', 18)])
def test_round_trip_through_the_codec(target, window):
    codec = AMFACSimCCLabel((192, 256), target=target, sigma=6.0, window=window)
    points = np.random.default_rng(0).uniform((30, 30), (160, 220), (2, 17, 2)).astype('f4')
    encoded = codec.encode(points)
    decoded, scores = codec.decode(encoded['keypoint_x_labels'], encoded['keypoint_y_labels'])
    assert np.abs(decoded - points).max() <= (0.2501 if target == 'onehot' else 0.02)
    assert encoded['keypoint_weights'].min() == 1 and 0 < scores.min() <= scores.max() <= 1


def test_decode_is_the_plain_function_bit_for_bit():
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 17, 384), 'f4'), rng.random((2, 17, 512), 'f4')
    for window in (0, 4):
        ours = AMFACSimCCLabel((192, 256), window=window).decode(x, y)
        plain = simcc.decode(x, y, 2.0, window)
        assert all(np.array_equal(a, b) for a, b in zip(ours, plain))
    assert AMFACSimCCLabel((192, 256)).decode(x[0], y[0])[0].shape == (1, 17, 2)


@pytest.mark.parametrize('field, value', [('input_size', (0, 5)), ('input_size', (5, )), ('simcc_split_ratio', 0),
                                          ('target', 'heatmap'), ('sigma', -1), ('window', -2), ('window', 2.5),
                                          ('sigma', (1, 2, 3)), ('sigma', 'wide'), ('input_size', 192),
                                          ('input_size', (48.5, 64)), ('simcc_split_ratio', 0.001)])
def test_bad_settings_are_named(field, value):
    with pytest.raises(AMFACError, match=field) as error:
        AMFACSimCCLabel(**{'input_size': (192, 256), field: value})
    assert '\n' not in str(error.value)

"""``CropAugment``: pixels and joints move together, and draws depend on seed, epoch and batch alone."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_amfac.errors import AMFACError

SIZE, CROP = (48, 64), (72, 96)
FLIP = [1, 0, 2]
STILL = dict(flip_prob=0.0, shift_prob=0.0, scale_factor=(1.0, 1.0), rotate_prob=0.0, colour=0.0)
CODEC = dict(type='AMFACSimCCLabel', input_size=SIZE, simcc_split_ratio=2.0)


def build(codec=CODEC, **options):
    augment = MODELS.build(dict(dict(type='CropAugment', codec=codec), **options))
    augment.set_state(0, 0)
    return augment


def batch(count=6, seed=0):
    """White discs of three pixels at the joints on black, in normalised values."""
    rng = np.random.default_rng(seed)
    black = build().black
    inputs = black.repeat(count, 1, CROP[1], CROP[0])
    samples = []
    for i in range(count):
        points = rng.uniform((24, 32), (48, 64), (1, 3, 2)).round()
        y, x = np.mgrid[:CROP[1], :CROP[0]]
        for channel, (a, b) in enumerate(points[0]):
            inputs[i, channel][torch.from_numpy((x - a)**2 + (y - b)**2 <= 4)] = 2.0
        sample = PoseDataSample(metainfo=dict(flip_indices=FLIP))
        sample.gt_instances = InstanceData(keypoints=np.float32(points), keypoints_visible=np.ones((1, 3), np.float32))
        samples.append(sample)
    return inputs, samples


def joints(samples):
    labels = [sample.gt_instance_labels for sample in samples]
    return np.stack([torch.cat([getattr(label, f'keypoint_{axis}_labels') for label in labels]).argmax(-1) / 2
                     for axis in 'xy'], -1)


def test_without_draws_the_middle_is_shown():
    inputs, samples = batch()
    expected = np.concatenate([sample.gt_instances.keypoints for sample in samples]) - [12, 16]
    out, samples = build(**STILL)(inputs, samples)
    torch.testing.assert_close(out, inputs[:, :, 16:80, 12:60], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(joints(samples), expected)


@pytest.mark.parametrize('options', [
    dict(), dict(flip_prob=1.0), dict(rotate_prob=1.0), dict(half_body_prob=1.0), dict(scale_factor=(0.75, 0.75))])
def test_pixels_and_joints_move_together(options):
    inputs, samples = batch(24)
    augment = build(**dict(STILL, rotate_factor=50.0, upper_joints=(0, 1)) | options)
    out, samples = augment(inputs, samples)
    found, height, seen = joints(samples), SIZE[1], 0
    y, x = np.mgrid[:height, :SIZE[0]]
    for picture, sample, points in zip(out, samples, found):
        weights = sample.gt_instance_labels.keypoint_weights[0]
        # a mirrored left joint is the right one, whose disc lies in the other channel
        channels = FLIP if options.get('flip_prob') else range(3)
        for channel, point, weight in zip(channels, points, weights):
            bright = (picture[channel] - augment.black[0, channel]).clamp(min=0).numpy()
            if weight and (point > 4).all() and (point < np.array(SIZE) - 4).all():
                centre = np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()
                np.testing.assert_allclose(centre, point, atol=0.45)
                seen += 1
    assert seen > 40


def test_draws_depend_on_seed_epoch_and_batch():
    augment, seen = build(hide_prob=0.5, grey_prob=0.2), []
    for state in ((0, 0), (0, 1), (1, 0)):
        augment.set_state(*state)
        seen += [augment(*batch())[0] for _ in range(2)]
    assert all(not torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])
    augment.set_state(0, 1)
    assert torch.equal(augment(*batch())[0], seen[2])


def test_a_rectangle_hides_the_share_that_is_asked_for():
    inputs, samples = batch(50)
    out, _ = build(**STILL, hide_prob=1.0, hide_size=(0.5, 0.5))(torch.zeros_like(inputs), samples)
    changed = (out.abs() > 1e-3).any(1).float().mean((1, 2))
    np.testing.assert_allclose(changed, 0.25, atol=0.03)


def test_targets_for_heat_maps_too_and_weights_of_joints():
    codec = dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(12, 16), sigma=2)
    inputs, samples = batch()
    samples[0].gt_instances.keypoints_visible[0, 1] = 0
    _, samples = build(codec, joint_weights=(1.0, 1.0, 1.5), **STILL)(inputs, samples)
    assert samples[0].gt_fields.heatmaps.shape == (3, 16, 12)
    np.testing.assert_allclose(samples[0].gt_instance_labels.keypoint_weights, [[1.0, 0.0, 1.5]])


def test_autocast_moves_no_pixel():
    plain, _ = build()(*batch())
    with torch.autocast('cpu', torch.bfloat16):
        cast, _ = build()(*batch())
    torch.testing.assert_close(cast, plain, atol=1e-5, rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(AMFACError, match='flip_prob'):
        build(flip_prob=1.5)
    with pytest.raises(AMFACError, match='scale_factor'):
        build(scale_factor=(0.0, 1.3))
    with pytest.raises(AMFACError, match='SeededAugmentationHook'):
        MODELS.build(dict(type='CropAugment', codec=CODEC))(*batch())

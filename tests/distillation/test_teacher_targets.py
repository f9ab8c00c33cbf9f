"""``TeacherTargets`` with the packaged model as its teacher, on a real picture."""

import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_amfac import geometry, simcc
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose

BOX = np.array([[18, 16, 362, 511]], np.float32)


def codec(width, height):
    return dict(type='AMFACSimCCLabel', input_size=(width, height), target='gaussian', sigma=3.0, window=9)


@pytest.fixture(scope='module')
def teacher():
    return AMFACPose(threads=1)


def crop(image, size):
    """The astronaut as a network input of this size."""
    crops = geometry.crop(image, *geometry.boxes_to_center_scale(BOX, size), size)
    return torch.from_numpy(geometry.normalise(crops, 'rgb', (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))


def sample(size, labelled=()):
    """Labels in the middle of the crop."""
    points = np.full((1, 17, 2), np.array(size) / 2, np.float32)
    seen = np.isin(np.arange(17), labelled)[None].astype(np.float32)
    x, y, weights = simcc.encode(points, seen, size, 2.0, 'gaussian', (3.0, 3.0))
    one = PoseDataSample()
    one.gt_instance_labels = InstanceData(
        keypoint_x_labels=torch.from_numpy(x), keypoint_y_labels=torch.from_numpy(y),
        keypoint_weights=torch.from_numpy(weights))
    return one


@pytest.mark.parametrize('size', [(96, 128), (48, 64), (144, 192)])
def test_joints_without_labels_are_where_the_teacher_finds_them(astronaut, teacher, size):
    augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(*size), least=0.3, threads=1))
    _, (found, ) = augment(crop(astronaut, size), [sample(size)])
    labels = found.gt_instance_labels
    points, _ = simcc.decode(labels.keypoint_x_labels.numpy(), labels.keypoint_y_labels.numpy(), 2.0, 9)
    wanted, scores = teacher.forward(geometry.crop(
        astronaut, *geometry.boxes_to_center_scale(BOX, teacher.input_size), teacher.input_size))
    sure = scores[0] > 0.5
    assert sure.sum() >= 5
    expected = (wanted[0] + 0.5) * size[0] / teacher.input_size[0] - 0.5
    # a small crop has lost what the teacher sees in its own
    assert np.abs(points[0] - expected)[sure].max() < (0.5 if size == (96, 128) else 4.0)
    taken = labels.keypoint_weights[0].numpy() > 0
    if size == (96, 128):
        np.testing.assert_array_equal(taken, scores[0] >= 0.3)
        np.testing.assert_allclose(labels.keypoint_weights[0][taken], scores[0][taken], atol=1e-3)
    for rows in (labels.keypoint_x_labels, labels.keypoint_y_labels):
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows[0][taken].sum(-1), 1, atol=1e-4)
        assert (rows[0][~taken] == 0).all()


def test_labels_keep_their_weight_and_their_share(astronaut):
    size = (96, 128)
    inputs, before = crop(astronaut, size), sample(size, [5, 6])
    results = {}
    for share in (0.0, 0.5, 1.0):
        augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(*size), share=share,
                                    least=1.0, threads=1))
        results[share] = augment(inputs, [copy.deepcopy(before)])[1][0].gt_instance_labels
        assert torch.equal(results[share].keypoint_weights, before.gt_instance_labels.keypoint_weights)
    own = before.gt_instance_labels.keypoint_x_labels
    assert torch.equal(results[0.0].keypoint_x_labels, own)
    torch.testing.assert_close(results[0.5].keypoint_x_labels, (own + results[1.0].keypoint_x_labels) / 2)
    assert not torch.equal(results[1.0].keypoint_x_labels[0, 5], own[0, 5])


def test_sharpening_narrows_a_gaussian_by_the_root(astronaut):
    size = (96, 128)
    plain, sharp = (MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(*size), least=0.0,
                                      sharpen=power, threads=1)).vectors(crop(astronaut, size))[0][0][0, 0]
                    for power in (1.0, 4.0))
    # where the peak has the mass: its second moment
    near = slice(plain.argmax() - 8, plain.argmax() + 9)
    spread = [np.sqrt(np.average((np.arange(17) - 8) ** 2, weights=row[near])) for row in (plain, sharp)]
    assert spread[1] < 0.75 * spread[0] and plain.argmax() == sharp.argmax()


def test_a_model_with_a_teacher_can_be_copied_before_the_first_batch():
    augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128)))
    assert copy.deepcopy(augment).share == augment.share and not augment.state_dict()


HEATMAPS = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2)


@pytest.mark.parametrize('options, message', [
    (dict(share=1.5), 'share=1.5 must be at most 1'), (dict(sharpen=0.5), 'sharpen=0.5'),
    (dict(codec=HEATMAPS), 'has no SimCC vectors')])
def test_wrong_arguments(options, message):
    with pytest.raises(AMFACError, match=message):
        MODELS.build(dict(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128)), **options))


def test_a_teacher_that_does_not_fit(astronaut):
    augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(128, 128)))
    with pytest.raises(AMFACError, match='other proportions than codec.input_size='):
        augment(crop(astronaut, (128, 128)), [sample((128, 128))])
    augment = MODELS.build(dict(type='TeacherTargets', teacher='none.onnx', codec=codec(96, 128)))
    with pytest.raises(AMFACError, match='none.onnx'):
        augment(crop(astronaut, (96, 128)), [sample((96, 128))])

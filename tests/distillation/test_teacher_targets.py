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
        keypoint_labelled=torch.from_numpy(seen > 0), keypoint_x_labels=torch.from_numpy(x),
        keypoint_y_labels=torch.from_numpy(y), keypoint_weights=torch.from_numpy(weights))
    return one


def blobs(places, sigma):
    """A Gaussian of light at each (x, y), pixels of 128x96, as a normalised input."""
    y, x = np.mgrid[:128, :96]
    light = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * sigma ** 2)) for a, b in places)
    pixels = np.float32(np.repeat(light[None, None] * 200, 3, 1))
    mean, std = (np.float32(v)[:, None, None] for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    return torch.from_numpy((pixels - mean) / std)


@pytest.fixture(scope='module')
def light(tmp_path_factory):
    """A heatmap file whose 17 maps are the light of the picture by cells of four pixels; it takes BGR in [0, 1]."""
    onnx = pytest.importorskip('onnx')
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    path = tmp_path_factory.mktemp('light') / 'light.onnx'
    graph = helper.make_graph(
        [helper.make_node('AveragePool', ['image'], ['cells'], kernel_shape=[4, 4], strides=[4, 4]),
         helper.make_node('ReduceMean', ['cells'], ['grey'], axes=[1], keepdims=1),
         helper.make_node('Tile', ['grey', 'times'], ['heatmaps'])], 'light',
        [helper.make_tensor_value_info('image', kind, ['n', 3, 128, 96])],
        [helper.make_tensor_value_info('heatmaps', kind, ['n', 17, 32, 24])],
        [helper.make_tensor('times', onnx.TensorProto.INT64, [4], [1, 17, 1, 1])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8), path)
    return dict(type='TeacherTargets', teacher=str(path), codec=codec(96, 128), threads=1,
                manifest=dict(mean=[0, 0, 0], std=[255, 255, 255], channel_order='bgr'))


@pytest.mark.parametrize('power', [1.0, 4.0])
def test_a_gaussian_of_a_heatmap_stays_one_and_sharpening_narrows_it_by_the_root(light, power):
    rows, scores = MODELS.build(dict(light, sharpen=power)).vectors(blobs([(40, 60)], 6.0))
    # the middle of a cell's pixels is 1.5 beyond the pixel that it stands for
    for row, place in zip(rows, (40 - 1.5, 60 - 1.5)):
        pixels = np.arange(row.shape[-1]) / 2
        mean = (row[0, 3] * pixels).sum()
        assert mean == pytest.approx(place, abs=0.1)
        assert np.sqrt((row[0, 3] * (pixels - mean) ** 2).sum()) == pytest.approx(6 / np.sqrt(power), rel=0.06)
    # a cell is the mean of its pixels
    assert scores.shape == (1, 17) and 0.65 < scores.max() < 200 / 255


def test_two_peaks_stay_two(light):
    rows, _ = MODELS.build(dict(light, sharpen=4.0)).vectors(blobs([(25, 60), (70, 60)], 4.0))
    halves = rows[0][0, 0].reshape(2, -1).sum(1)
    assert halves == pytest.approx([0.5, 0.5], abs=0.05)


def test_a_joint_that_left_the_picture_is_not_brought_back_and_unsure_ones_change_nothing(light):
    one = sample((96, 128), [4, 5])
    labels = one.gt_instance_labels
    labels.keypoint_labelled[0, 7] = True  # with the weight 0
    before = copy.deepcopy(labels)
    _, (found, ) = MODELS.build(dict(light, least=0.5))(blobs([(40, 60)], 6.0), [copy.deepcopy(one)])
    found = found.gt_instance_labels
    assert found.keypoint_weights[0, 7] == 0 and (found.keypoint_x_labels[0, 7] == 0).all()
    assert found.keypoint_weights[0, 8] > 0.5 and found.keypoint_weights[0, 4] == 1
    assert not torch.equal(found.keypoint_x_labels[0, 4], before.keypoint_x_labels[0, 4])
    _, (same, ) = MODELS.build(dict(light, least=0.95))(blobs([(40, 60)], 6.0), [copy.deepcopy(one)])
    for name in ('keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights'):
        assert torch.equal(same.gt_instance_labels[name], before[name])


def test_logits_become_what_their_softmax_says(astronaut):
    inputs = crop(astronaut, (96, 128))
    base = dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128), threads=1)
    values = MODELS.build(base).vectors(inputs)[0][0]
    logits = MODELS.build(dict(base, beta=10.0))
    row = logits.vectors(inputs)[0][0]
    results = logits.teacher.engine(logits._crops(inputs))[0]
    np.testing.assert_allclose(row, np.exp(10 * results) / np.exp(10 * results).sum(-1, keepdims=True), rtol=1e-3)
    assert row.argmax(-1).tolist() == values.argmax(-1).tolist()


@pytest.mark.parametrize('size', [(96, 128), (48, 64), (144, 192)])
def test_joints_without_labels_are_where_the_teacher_finds_them(astronaut, teacher, size):
    augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(*size), least=0.3, threads=1))
    _, (found, ) = augment(crop(astronaut, size), [sample(size)])
    labels = found.gt_instance_labels
    points, _ = simcc.decode(labels.keypoint_x_labels.numpy(), labels.keypoint_y_labels.numpy(), 2.0, 9)
    wanted, scores = teacher.forward(geometry.crop(
        astronaut, *geometry.boxes_to_center_scale(BOX, teacher.input_size), teacher.input_size))
    # another crop has lost what the teacher sees in its own, and what is not the face is hidden or at the border
    sure = scores[0] > 0.5 if size == (96, 128) else np.arange(17) < 5
    assert sure.sum() >= 5
    expected = (wanted[0] + 0.5) * size[0] / teacher.input_size[0] - 0.5
    assert np.abs(points[0] - expected)[sure].max() < (0.5 if size == (96, 128) else 1.0)
    taken = labels.keypoint_weights[0].numpy() > 0
    if size == (96, 128):
        np.testing.assert_array_equal(taken, scores[0] >= 0.3)
        np.testing.assert_allclose(labels.keypoint_weights[0][taken], scores[0][taken], atol=1e-3)
    for rows in (labels.keypoint_x_labels, labels.keypoint_y_labels):
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows[0][taken].sum(-1), 1, atol=1e-4)
        assert (rows[0][~taken] == 0).all()
    assert not labels.keypoint_labelled.any()


def test_labels_keep_their_weight_and_their_share(astronaut):
    size = (96, 128)
    inputs, before = crop(astronaut, size), sample(size, [5, 6])
    results = {}
    for share in (0.0, 0.5, 1.0):
        augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(*size), share=share,
                                    least=0.0, threads=1))
        results[share] = augment(inputs, [copy.deepcopy(before)])[1][0].gt_instance_labels
        assert (results[share].keypoint_weights[0, [5, 6]] == 1).all()
    own = before.gt_instance_labels.keypoint_x_labels
    rows = {share: labels.keypoint_x_labels[0, [5, 6]] for share, labels in results.items()}
    assert torch.equal(rows[0.0], own[0, [5, 6]])
    torch.testing.assert_close(rows[0.5], (own[0, [5, 6]] + rows[1.0]) / 2)
    assert not torch.equal(rows[1.0], own[0, [5, 6]])


def test_a_model_with_a_teacher_can_be_copied_before_the_first_batch():
    augment = MODELS.build(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128)))
    assert copy.deepcopy(augment).share == augment.share and not augment.state_dict()


HEATMAPS = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2)


@pytest.mark.parametrize('options, message', [
    (dict(share=1.5), 'share=1.5 must be at most 1'), (dict(sharpen=0.5), 'sharpen=0.5'),
    (dict(beta=0), 'beta=0'), (dict(codec=HEATMAPS), "codec.type='MSRAHeatmap' must be AMFACSimCCLabel")])
def test_wrong_arguments(options, message):
    with pytest.raises(AMFACError, match=message):
        MODELS.build(dict(dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128)), **options))


def test_what_does_not_fit_together(astronaut, light):
    base = dict(type='TeacherTargets', teacher='amfacpose', codec=codec(96, 128), threads=1)
    inputs = crop(astronaut, (96, 128))
    for options, size, message in (
            (dict(codec=codec(128, 128)), (128, 128), 'other proportions than codec.input_size='),
            (dict(teacher='none.onnx'), (96, 128), 'none.onnx'),
            (dict(sha256='0' * 64), (96, 128), 'asked for is 000'),
            (dict(light, beta=10.0), (96, 128), 'has heatmaps, not logits')):
        with pytest.raises(AMFACError, match=message):
            MODELS.build(dict(base, **options))(crop(astronaut, size), [sample(size)])
    with pytest.raises(AMFACError, match="needs dict.type='CropAugment'. before it"):
        MODELS.build(base)(inputs, [PoseDataSample()])
    with pytest.raises(AMFACError, match='the codec that of CropAugment'):
        MODELS.build(base)(inputs, [sample((48, 64))])


def test_behind_crop_augment(astronaut):
    """The preprocessor of a config: targets of both, and training sees nothing but what the head reads."""
    inputs = crop(astronaut, (144, 192))
    one = PoseDataSample(metainfo=dict(flip_indices=AMFACPose(threads=1).skeleton.flip_indices))
    one.gt_instances = InstanceData(keypoints=np.full((1, 17, 2), 90, np.float32),
                                    keypoints_visible=np.eye(17, dtype=np.float32)[:1])
    augment, teacher = (MODELS.build(dict(config, codec=codec(96, 128))) for config in (
        dict(type='CropAugment'), dict(type='TeacherTargets', teacher='amfacpose', threads=1)))
    augment.set_state(0, 0)
    _, (found, ) = teacher(*augment(inputs, [one]))
    assert found.gt_instance_labels.keypoint_labelled.sum() == 1
    assert (found.gt_instance_labels.keypoint_weights > 0).sum() > 5

"""TorchEstimator against MMPose itself, on real pictures."""

import numpy as np
import pytest

from mmpose_amfac import geometry
from mmpose_amfac.apis import TorchEstimator
from mmpose_amfac.errors import AMFACError

# inside, across the border, narrow, wide, tiny
BOXES = np.array([[18, 16, 362, 511], [-40, 100, 200, 700], [250, 10, 280, 300], [30, 300, 500, 340],
                  [100.4, 100.2, 112.9, 120.1]], np.float32)


@pytest.fixture(scope='module')
def estimator(small_model):
    return TorchEstimator(*small_model, device='cpu', batch_size=2)


@pytest.mark.parametrize('flip', [False, True])
def test_same_numbers_as_inference_topdown(small_model, astronaut, flip):
    """Padding 1.1, window 2, batches of 2: the joints of MMPose's own way, within half a pixel."""
    from mmpose.apis import inference_topdown, init_model
    model = init_model(str(small_model[0]), str(small_model[1]), 'cpu', cfg_options={'model.test_cfg.flip_test': flip})
    expected = [sample.pred_instances for sample in inference_topdown(model, astronaut, BOXES)]
    poses = TorchEstimator(*small_model, device='cpu', batch_size=2, flip=flip)(astronaut, BOXES)
    distance = np.linalg.norm(poses.keypoints - np.concatenate([e.keypoints for e in expected]), axis=2)
    assert distance.max() < 0.5
    np.testing.assert_allclose(poses.keypoint_scores, np.concatenate([e.keypoint_scores for e in expected]), atol=1e-3)
    assert np.ptp(poses.keypoints[0], axis=0).min() > 20, 'random weights must spread the joints for this to mean much'
    np.testing.assert_array_equal(poses.bboxes, BOXES)


def test_packaged_model_by_its_alias(astronaut):
    """The default arguments give a trained model whose numbers are MMPose's, too."""
    from mmpose.apis import inference_topdown, init_model

    from mmpose_amfac.model_index import find
    model = find('amfacpose')
    poses = TorchEstimator(device='cpu')(astronaut, BOXES[:1])
    theirs = init_model(str(model.config), str(model.weights), 'cpu',
                        cfg_options={'model.test_cfg.flip_test': False})
    (expected, ) = inference_topdown(theirs, astronaut, BOXES[:1])
    np.testing.assert_allclose(poses.keypoints, expected.pred_instances.keypoints, atol=0.5)
    np.testing.assert_allclose(poses.keypoint_scores, expected.pred_instances.keypoint_scores, atol=1e-3)


def test_crop_is_that_of_topdownaffine(real_pictures):
    """The matrices agree to a hundredth of a pixel, the crops to a grey level, whatever the box."""
    from mmpose.datasets.transforms import GetBBoxCenterScale, TopdownAffine
    rng = np.random.default_rng(0)
    assert real_pictures
    for image in real_pictures.values():
        height, width = image.shape[:2]
        corner = rng.uniform([-50, -50], [width - 50, height - 50], (6, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(20, 500, (6, 2))], 1).astype(np.float32)
        center, scale = geometry.boxes_to_center_scale(boxes, (192, 256))
        crops = geometry.crop(image, center, scale, (192, 256))
        for i, box in enumerate(boxes):
            theirs = TopdownAffine((192, 256))(GetBBoxCenterScale()(dict(img=image, bbox=box[None])))
            np.testing.assert_allclose(theirs['input_center'], center[i], atol=0.01)
            np.testing.assert_allclose(theirs['input_scale'], scale[i], atol=0.01)
            difference = np.abs(theirs['img'].astype(int) - crops[i])
            # a rounding of the matrix moves single pixels at hard edges
            assert difference.mean() < 0.1 and np.mean(difference > 1) < 0.005


def test_batches_do_not_change_the_result(small_model, estimator, astronaut):
    single = TorchEstimator(*small_model, device='cpu', batch_size=1)(astronaut, BOXES)
    batched = estimator(astronaut, BOXES)
    np.testing.assert_allclose(batched.keypoints, single.keypoints, atol=1e-2)
    np.testing.assert_allclose(batched.keypoint_scores, single.keypoint_scores, atol=1e-5)


def test_number_of_network_calls(estimator, astronaut, monkeypatch):
    calls, forward = [], estimator.forward
    monkeypatch.setattr(estimator, 'forward', lambda crops: calls.append(len(crops)) or forward(crops))
    estimator(astronaut, BOXES)
    assert calls == [2, 2, 1]


def test_several_pictures_share_batches(estimator, astronaut, monkeypatch):
    calls, forward = [], estimator.forward
    monkeypatch.setattr(estimator, 'forward', lambda crops: calls.append(len(crops)) or forward(crops))
    first, nobody, second = estimator([astronaut, astronaut, astronaut[:300]], [BOXES[:1], [], BOXES[:2]])
    assert calls == [2, 1] and len(nobody) == 0
    np.testing.assert_allclose(first.keypoints, estimator(astronaut, BOXES[:1]).keypoints, atol=1e-2)
    np.testing.assert_allclose(second.keypoints, estimator(astronaut[:300], BOXES[:2]).keypoints, atol=1e-2)


def test_no_box_is_nobody(estimator, astronaut):
    poses = estimator(astronaut, np.zeros((0, 4)))
    assert poses.keypoints.shape == (0, 17, 2) and poses.keypoint_scores.shape == (0, 17)


def test_box_on_an_empty_region_is_honoured(estimator):
    """Joints lie inside the padded crop of the given box, and its score is kept."""
    image = np.zeros((600, 900, 3), np.uint8)
    box = [700, 400, 760, 480]
    poses = estimator(image, [box], [0.25])
    (center, ), (scale, ) = geometry.boxes_to_center_scale([box], estimator.input_size, 1.1)
    assert (np.abs(poses.keypoints[0] - center) <= scale / 2 + 1e-3).all()
    assert poses.bbox_scores.tolist() == [0.25]


def test_scores_lie_in_0_1(estimator, astronaut):
    scores = estimator(astronaut, BOXES).keypoint_scores
    assert scores.min() >= 0 and scores.max() <= 1


def test_skeleton_and_input_come_from_the_model(estimator):
    assert estimator.skeleton.joints[0] == 'nose' and estimator.num_keypoints == 17
    assert estimator.input_size == (96, 128)


def test_other_heads_are_refused(small_model, tmp_path):
    config = tmp_path / 'other.py'
    config.write_text(small_model[0].read_text().replace(
        "head=dict(type='AMFACHead', decoder=codec)",
        "head=dict(type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=None, decoder=dict("
        "type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2))"))
    with pytest.raises(AMFACError, match='HeatmapHead; only models with AMFACHead'):
        TorchEstimator(config, small_model[1], device='cpu')


def test_weights_of_another_model_are_refused(small_model, tmp_path):
    import torch
    torch.save(dict(state_dict={'backbone.nothing': torch.zeros(1)}), tmp_path / 'other.pth')
    with pytest.raises(AMFACError, match='are not weights of') as error:
        TorchEstimator(small_model[0], tmp_path / 'other.pth', device='cpu')
    assert '\n' not in str(error.value)


def test_weights_of_another_input_size_are_refused(small_model, tmp_path):
    """The head would resize them, which is a start for training only."""
    config = tmp_path / 'larger.py'
    config.write_text(small_model[0].read_text().replace('(96, 128)', '(192, 256)'))
    with pytest.raises(AMFACError, match=r'small\.pth .*input size than .*larger\.py .*train') as error:
        TorchEstimator(config, small_model[1], device='cpu')
    assert '\n' not in str(error.value)


def test_model_without_weights_names_config_and_training(monkeypatch, tmp_path):
    from mmpose_amfac import model_index
    model = model_index.Model('amfac_r34', ('big', ), tmp_path / 'amfac_r34.py', None, {})
    monkeypatch.setattr(model_index, 'models', lambda: [model])
    with pytest.raises(AMFACError) as error:
        TorchEstimator('big')
    assert str(error.value) == model_index.no_weights(model)


@pytest.mark.parametrize('change, message', [
    (dict(device='meta'), "device='meta' cannot be used here"),
    (dict(device='hpu'), "device='hpu' cannot be used here"),
    (dict(weights=None), 'needs its weights'),
    (dict(weights='none.pth'), 'none.pth does not exist'),
    (dict(config='none.py'), 'none.py does not exist'),
    (dict(device='cuda:77'), "device='cuda:77' cannot be used here"),
    (dict(device='nonsense'), "device='nonsense' cannot be used here"),
    (dict(batch_size=0), 'batch_size=0'),
    (dict(config='amfacposs', weights=None), 'unknown model'),
])
def test_mistakes_are_one_line(small_model, change, message):
    arguments = dict(config=small_model[0], weights=small_model[1], device='cpu') | change
    with pytest.raises(AMFACError, match=message) as error:
        TorchEstimator(**arguments)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('image', [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), 'photo.jpg'])
def test_what_is_no_picture_is_named(estimator, image):
    with pytest.raises(AMFACError, match='image must be') as error:
        estimator(image, [[0, 0, 2, 2]])
    assert '\n' not in str(error.value)

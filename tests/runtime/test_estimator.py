"""AMFACPose: the numbers of the torch path, batching, and what a call may look like."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.runtime import AMFACPose

# inside, across the border, narrow, wide, tiny
BOXES = np.array([[18, 16, 362, 511], [-40, 100, 200, 700], [250, 10, 280, 300], [30, 300, 500, 340],
                  [100.4, 100.2, 112.9, 120.1]], np.float32)


def count_calls(monkeypatch):
    """The batches that engines get from now on."""
    from mmpose_amfac.runtime.engines import Engine
    calls, call = [], Engine.__call__
    monkeypatch.setattr(Engine, '__call__', lambda self, batch: calls.append(len(batch)) or call(self, batch))
    return calls


@pytest.fixture
def estimator(simcc_file):
    return AMFACPose(simcc_file, threads=1, streams=1, batch_size=4)


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('flip', [False, True])
def test_same_joints_as_torch(packaged_pair, real_data, backend, flip):
    """The packaged network on real persons: less than 0.1 px of the crop at every joint that is seen at all."""
    if backend == 'openvino':
        pytest.importorskip('openvino')
    torch, path = packaged_pair
    ours = AMFACPose(path, backend=backend, threads=1, flip=flip)
    content = json.loads((real_data / 'coco_dev.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    torch.flip = flip
    compared = 0
    try:
        for person in content['annotations'][:12]:
            image = read_image(real_data / names[person['image_id']])
            box = geometry.xywh_to_xyxy([person['bbox']])
            expected, found = torch(image, box), ours(image, box)
            _, scale = geometry.boxes_to_center_scale(box, ours.input_size, ours.padding)
            seen = expected.keypoint_scores > 0.1
            distance = np.linalg.norm(found.keypoints - expected.keypoints, axis=2) * ours.input_size[0] / scale[0, 0]
            compared += seen.sum()
            assert distance[seen].max(initial=0) < 0.1
            np.testing.assert_allclose(found.keypoint_scores, expected.keypoint_scores, atol=1e-4)
    finally:
        torch.flip = False
    assert compared > 50


def test_sidecar_gives_the_window_of_the_codec(packaged_pair):
    torch, path = packaged_pair
    assert AMFACPose(path).manifest.decode['window'] == torch.model.head.decoder.window > 0


@pytest.mark.parametrize('batch_size, expected', [(1, [1] * 10), (4, [4, 4, 2]), (32, [10])])
def test_calls_are_those_of_full_batches_over_all_pictures(simcc_file, astronaut, monkeypatch, batch_size, expected):
    """Ten people in three pictures, one of them without any: ceil(10 / batch_size) calls."""
    estimator = AMFACPose(simcc_file, threads=1, streams=1, batch_size=batch_size)
    calls = count_calls(monkeypatch)
    poses = estimator([astronaut, astronaut[:200], astronaut[:, :300]], [BOXES, [], BOXES])
    assert calls == expected and [len(p) for p in poses] == [5, 0, 5]


def test_flip_calls_twice(simcc_file, astronaut, monkeypatch):
    estimator = AMFACPose(simcc_file, threads=1, streams=1, batch_size=4, flip=True)
    calls = count_calls(monkeypatch)
    estimator(astronaut, BOXES)
    assert calls == [4, 4, 1, 1]


@pytest.mark.parametrize('arguments', [dict(streams=1), dict(streams=2), {}])
def test_no_crops(simcc_file, arguments):
    keypoints, scores = AMFACPose(simcc_file, threads=2, **arguments).forward(np.zeros((0, 32, 24, 3), np.uint8))
    assert (keypoints.shape, scores.shape) == ((0, 17, 2), (0, 17))
    assert (keypoints.dtype, scores.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize('fields', [dict(mean=(10.0, 60.0, 200.0)), dict(std=(20.0, 60.0, 100.0)),
                                    dict(channel_order='bgr'),
                                    dict(channel_order='bgr', mean=(10.0, 60.0, 200.0), std=(20.0, 60.0, 100.0))])
def test_crops_are_normalised_as_the_manifest_says(simcc_file, astronaut, fields):
    """Written out here: the network's input, its outputs, the best bins."""
    estimator = AMFACPose(simcc_file, threads=1, streams=1, manifest=fields)
    crops, *_ = estimator.crop(astronaut, BOXES)
    order = slice(None) if fields.get('channel_order') == 'bgr' else slice(None, None, -1)
    inputs = (crops[..., order].astype(np.float64) - estimator.manifest.mean) / estimator.manifest.std
    vectors = estimator.engine(inputs.transpose(0, 3, 1, 2))
    keypoints, scores = estimator.forward(crops)
    np.testing.assert_array_equal(keypoints, np.stack([v.argmax(-1) for v in vectors], -1) / 2)
    other, _ = AMFACPose(simcc_file, threads=1, streams=1).forward(crops)
    assert (keypoints != other).any()


@pytest.mark.parametrize('flip', [False, True])
def test_outputs_are_taken_by_name(tmp_path, make_file, simcc_file, astronaut, flip):
    """A file that gives y before x."""
    from mmpose_amfac.manifest import Manifest
    from mmpose_amfac.skeletons import COCO17
    onnx = pytest.importorskip('onnx')
    path = make_file(tmp_path / 'f.onnx')
    model = onnx.load(path)
    x, y = model.graph.output
    swapped = [onnx.ValueInfoProto.FromString(out.SerializeToString()) for out in (y, x)]
    del model.graph.output[:]
    model.graph.output.extend(swapped)
    onnx.save(model, path)
    Manifest(model='swapped', files={path.name: ''}, skeleton=COCO17, input_size=(24, 32),
             outputs=('simcc_x', 'simcc_y'), decode=dict(rule='simcc')).write(path)
    swapped = AMFACPose(path, threads=1, flip=flip)
    assert swapped.engine.output_names == ('simcc_y', 'simcc_x')
    np.testing.assert_array_equal(swapped(astronaut, BOXES).keypoints,
                                  AMFACPose(simcc_file, threads=1, flip=flip)(astronaut, BOXES).keypoints)


def test_pictures_are_made_contiguous_once(estimator, astronaut, monkeypatch):
    """OpenCV copies others whole, for each crop."""
    seen, crop = [], geometry.crop
    monkeypatch.setattr(geometry, 'crop', lambda image, *args: seen.append(image.flags.c_contiguous)
                        or crop(image, *args))
    found = estimator(astronaut[..., ::-1], BOXES)
    assert seen and all(seen)
    np.testing.assert_array_equal(found.keypoints, estimator(astronaut[..., ::-1].copy(), BOXES).keypoints)


@pytest.mark.parametrize('streams, piece', [(1, 1), (1, 3), (2, 1), (2, 2), (2, 8), (None, None)])
@pytest.mark.parametrize('kind', ['simcc_file', 'heatmap_file'])
def test_result_does_not_depend_on_the_pieces(request, astronaut, kind, streams, piece):
    path = request.getfixturevalue(kind)
    expected = AMFACPose(path, threads=1, streams=1, piece=1)
    estimator = AMFACPose(path, threads=2, streams=streams, piece=piece)
    boxes = np.concatenate([BOXES, BOXES + 3])
    found = estimator([astronaut, astronaut[::-1]], [boxes, boxes[:3]])
    for poses, image, own in zip(found, (astronaut, astronaut[::-1]), (boxes, boxes[:3])):
        for i, box in enumerate(own):
            single = expected(image, box)
            np.testing.assert_allclose(poses.keypoints[i], single.keypoints[0], atol=1e-3)
            np.testing.assert_allclose(poses.keypoint_scores[i], single.keypoint_scores[0], atol=1e-5)


def test_openvino_streams(simcc_file, astronaut):
    pytest.importorskip('openvino')
    expected = AMFACPose(simcc_file, threads=1)(astronaut, BOXES)
    found = AMFACPose(simcc_file, backend='openvino', threads=2, streams=2, piece=1)(astronaut, BOXES)
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-3)


def test_forward_of_crops_is_the_same(estimator, astronaut):
    """What ``apis.predict`` uses."""
    crops, center, scale = estimator.crop(astronaut, BOXES)
    keypoints, scores = estimator.forward(crops)
    poses = estimator(astronaut, BOXES)
    np.testing.assert_array_equal(estimator.to_image(keypoints, center, scale), poses.keypoints)
    np.testing.assert_array_equal(scores, poses.keypoint_scores)


def test_one_picture_gives_poses_and_a_list_gives_a_list(estimator, astronaut):
    single = estimator(astronaut, BOXES, np.full(5, 0.5))
    assert isinstance(single, Poses) and single.bbox_scores.tolist() == [0.5] * 5
    np.testing.assert_array_equal(single.bboxes, BOXES)
    (listed, ) = estimator([astronaut], [BOXES], [np.full(5, 0.5)])
    np.testing.assert_array_equal(listed.keypoints, single.keypoints)
    for boxes in (BOXES.tolist(), [BOXES]):
        np.testing.assert_array_equal(estimator(astronaut, boxes).keypoints, single.keypoints)
    assert len(estimator(astronaut, BOXES[0])) == 1
    assert estimator([], []) == []


def test_nobody(estimator, astronaut):
    empty = np.zeros((0, 3, 3), np.uint8)
    for poses in (estimator(astronaut, []), estimator(astronaut, np.zeros((0, 4))), estimator(empty, []),
                  *estimator([astronaut, empty], [[], []])):
        assert poses.keypoints.shape == (0, 17, 2)


def test_picture_without_pixels(simcc_file, estimator):
    """The detector is not asked; boxes in it are a mistake."""
    empty = np.zeros((0, 5, 3), np.uint8)
    assert len(AMFACPose(simcc_file, lambda image: pytest.fail('asked'))(empty)) == 0
    with pytest.raises(AMFACError, match=r'no pixels \(0, 5, 3\), but 1 boxes'):
        estimator(empty, [[0, 0, 4, 4]])


def test_box_outside_sees_black(estimator, astronaut):
    height, width = astronaut.shape[:2]
    outside = [width + 500, height + 500, width + 600, height + 700]
    black = estimator(np.zeros_like(astronaut), outside)
    np.testing.assert_array_equal(estimator(astronaut, outside).keypoints, black.keypoints)
    assert np.isfinite(black.keypoints).all()


def test_without_boxes_and_detector_is_an_error_that_names_the_way_out(estimator, astronaut):
    with pytest.raises(AMFACError, match="detector='whole_image'"):
        estimator(astronaut)


def test_whole_image(simcc_file, estimator, astronaut):
    whole = AMFACPose(simcc_file, 'whole_image', threads=1)(astronaut)
    height, width = astronaut.shape[:2]
    np.testing.assert_array_equal(whole.keypoints, estimator(astronaut, [0, 0, width, height]).keypoints)


def test_real_detector_and_pose(shared, astronaut):
    """Both real files: within 2 px of the reference at joints that are sure."""
    expected = json.loads((shared / 'models' / 'expected_astronaut.json').read_text())['pose']
    models = shared / 'models'
    poses = AMFACPose(models / 'tinypose_256x192_heatmap.onnx', models / 'rtmdet_nano_person.onnx',
                      threads=1)(astronaut)
    assert len(poses) == 1
    reference = next(np.array(value).reshape(17, 3) for value in _walk(expected) if np.size(value) == 51)
    sure = reference[:, 2] > 0.5
    assert sure.sum() >= 5
    np.testing.assert_allclose(poses.keypoints[0][sure], reference[sure, :2], atol=2.5)


def _walk(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list) and not isinstance(value[0], str):
        yield value


@pytest.mark.parametrize('result, message', [
    (None, 'a detector must return boxes'), (([[0, 0, 1, 1]], [2.0]), r'must be 1 numbers in \[0, 1\]'),
    (([[0, 0, np.nan, 1]], [1.0]), 'not finite'), (([[5, 5, 1, 1]], [1.0]), 'no area'),
    (([[0, 0, 1, 1]], []), 'must be 1 numbers')])
def test_detector_that_returns_rubbish(simcc_file, astronaut, result, message):
    with pytest.raises(AMFACError, match=message):
        AMFACPose(simcc_file, lambda image: result)(astronaut)


def test_a_list_is_all_or_nothing(simcc_file, astronaut, monkeypatch):
    """The network does not run, and each picture that is wrong is named."""
    good = [[0, 0, 9, 9]], [1.0]
    found = iter([good, ([[0, 0, 9, 9]], [np.nan]), good, ([[0, 0, 0, 9]], [0.5])])
    estimator = AMFACPose(simcc_file, lambda image: next(found), threads=1, streams=1)
    calls = count_calls(monkeypatch)
    with pytest.raises(AMFACError, match=r"scores of the detector's boxes of images\[1\] must be .*; the detector's "
                       r'boxes of images\[3\]\[0\]=.* has no area') as error:
        estimator([astronaut] * 4)
    assert '\n' not in str(error.value) and calls == []
    with pytest.raises(AMFACError, match=r'bboxes\[0\] holds a value.*; bbox_scores\[2\] must be'):
        estimator([astronaut] * 3, [[[0, 0, np.nan, 1]], [], [[0, 0, 9, 9]]], [[1], [], [2]])
    with pytest.raises(AMFACError, match=r'images\[0\] must be .*images\[4\] must be [^;]*; and 2 more$'):
        estimator([None] * 7, [[]] * 7)


@pytest.mark.parametrize('bboxes, scores, message', [
    ([[0, 0, np.nan, 5]], None, 'not finite'), ([[0, 0, 1e300, 5]], None, 'not finite'),
    ([[0, 0, 1e38, 1e38]], None, 'outside any picture'),
    ([[5, 5, 5, 9]], None, 'no area'), ([[0, 0, 1e-44, 1e-44]], None, 'no area'),
    ([[1, 2, 3]], None, r'shape \(n, 4\)'), (['abc'], None, 'numbers'),
    ([[1, 2, 3, 4], [1]], None, 'numbers'), (7, None, 'shape'), ([[0, 0, 5, 5]], [np.nan], r'in \[0, 1\]'),
    ([[0, 0, 5, 5]], [0.1, 0.2], '1 numbers'), (None, [0.5], 'bbox_scores need')])
def test_wrong_boxes_are_one_line(estimator, astronaut, bboxes, scores, message):
    with pytest.raises(AMFACError, match=message) as error:
        estimator(astronaut, bboxes, scores)
    assert '\n' not in str(error.value)


def test_boxes_for_other_pictures_are_counted(estimator, astronaut):
    for bboxes in ([BOXES], 5):
        with pytest.raises(AMFACError, match='one array for each of the 2 images'):
            estimator([astronaut, astronaut], bboxes)
    with pytest.raises(AMFACError, match=r'bboxes\[1\] holds a value that is not finite'):
        estimator([astronaut, astronaut], [BOXES, [[0, 0, np.inf, 1]]])
    with pytest.raises(AMFACError, match=r'images\[1\] must be'):
        estimator([astronaut, None], [BOXES, BOXES])


@pytest.mark.parametrize('arguments, message', [
    (dict(detector='yolo'), "detector='yolo' is not known"), (dict(detector='none.onnx'), 'none.onnx does not exist'),
    (dict(threads=0), 'threads=0'), (dict(batch_size=0), 'batch_size=0'), (dict(streams=0), 'streams=0'),
    (dict(piece=-1), 'piece=-1'), (dict(model='none.onnx'), 'none.onnx does not exist'),
    (dict(model='nonsense'), "no packaged model file 'nonsense'"),
    (dict(model=None), 'model=None must be'), (dict(model=5), 'model=5 must be'),
    (dict(manifest='none.json'), 'none.json'),
    (dict(detector='whole_image', score_thr=2), r'score_thr=2 must be a number in \[0, 1\]'),
    (dict(piece=33), 'piece=33 must be at most batch_size=32'),
    (dict(piece=3, batch_size=2, streams=1), 'piece=3 must be at most batch_size=2'),
    (dict(streams=3, threads=4), 'streams=3 must be 1 or threads=4'),
    (dict(streams=2, threads=1), 'streams=2 must be 1 or threads=1')])
def test_mistakes_are_one_line(simcc_file, arguments, message):
    with pytest.raises(AMFACError, match=message) as error:
        AMFACPose(**dict(model=simcc_file) | arguments)
    assert '\n' not in str(error.value)


def test_scores_of_rtmpose_are_clipped(tmp_path, make_file, astronaut):
    """RTMPose's vectors are no probabilities; Poses holds values in [0, 1] only."""
    onnx = pytest.importorskip('onnx')
    model = onnx.load(make_file(tmp_path / 'f.onnx'))
    for node in model.graph.node:
        if node.op_type == 'Sigmoid':
            node.op_type = 'Identity'
    onnx.save(model, tmp_path / 'f.onnx')
    scores = AMFACPose(tmp_path / 'f.onnx')(astronaut, BOXES).keypoint_scores
    assert scores.max() == 1 and scores.min() >= 0


def test_persons_are_ranked_by_scores_before_they_are_clipped(simcc_file, astronaut, monkeypatch):
    pose = AMFACPose(simcc_file, threads=1, streams=1)
    decode = pose._decode
    monkeypatch.setattr(pose, '_decode', lambda outputs: (
        decode(outputs)[0], np.arange(1, 4)[:len(outputs[0]), None] * np.full((1, pose.num_keypoints), 1.5)))
    boxes = [[x, 20, x + 100, 220] for x in (10, 60, 110)]
    poses = pose(astronaut, boxes, [1.0, 0.9, 0.8])
    assert (poses.keypoint_scores == 1).all()
    np.testing.assert_allclose(poses.scores, [1.5, 2.7, 3.6], rtol=1e-6)
    assert (pose.forward(pose.crop(astronaut, np.array(boxes, np.float32))[0])[1] == 1).all()


def test_network_that_gives_no_numbers_is_one_line(tmp_path, make_file, astronaut):
    onnx = pytest.importorskip('onnx')
    model = onnx.load(make_file(tmp_path / 'f.onnx'))
    for node in model.graph.node:
        if node.op_type == 'Sigmoid':
            node.op_type = 'Log'
    onnx.save(model, tmp_path / 'f.onnx')
    with pytest.raises(AMFACError, match='not finite') as error:
        AMFACPose(tmp_path / 'f.onnx')(astronaut, BOXES)
    assert '\n' not in str(error.value)


images = arrays.arrays(st.sampled_from([np.uint8, np.uint8, np.float32, bool]),
                       arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)) | arrays.arrays(
                           np.uint8, st.tuples(st.integers(0, 40), st.integers(0, 40), st.just(3)))
numbers = st.floats(width=32) | st.floats(-100, 100, width=32)
boxes = st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=4) | arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)) | st.none() | st.text(max_size=3)


@settings(max_examples=300)
@given(st.lists(images, max_size=3), st.lists(boxes, max_size=3), st.booleans(), st.booleans())
def test_any_input_gives_poses_or_one_line(simcc_file, heatmap_file, pictures, given_boxes, single, maps):
    estimator = AMFACPose(heatmap_file if maps else simcc_file, threads=1, streams=1)
    if single:
        pictures, given_boxes = (pictures or [None])[0], (given_boxes or [None])[0]
    try:
        found = estimator(pictures, given_boxes)
    except AMFACError as error:
        assert '\n' not in str(error)
        return
    for poses in [found] if single else found:
        assert isinstance(poses, Poses)


@pytest.mark.parametrize('arguments, sizes', [({}, (3, )), (dict(streams=1), (3, )), (dict(streams=2), (3, )),
                                              (dict(streams=1, piece=2), (2, ))])
def test_pieces_of_a_fixed_batch(tmp_path, make_file, astronaut, monkeypatch, arguments, sizes):
    """Fewer crops would cost as much."""
    estimator = AMFACPose(make_file(tmp_path / 'f.onnx', batch=3), threads=2, **arguments)
    assert estimator.pace.sizes == sizes
    calls = count_calls(monkeypatch)
    estimator(astronaut, BOXES)
    if arguments == dict(streams=1):
        assert calls == [3, 2]


def test_file_with_a_fixed_batch_is_filled(tmp_path, make_file, simcc_file, astronaut):
    fixed = make_file(tmp_path / 'f.onnx', batch=3)
    for streams in (1, 2, None):
        found = AMFACPose(fixed, threads=2, streams=streams)(astronaut, BOXES)
        np.testing.assert_allclose(found.keypoints, AMFACPose(simcc_file)(astronaut, BOXES).keypoints, atol=1e-3)


@pytest.mark.parametrize('shape', [(40000, 8, 3), (8, 40000, 3), (1, 1, 3)])
def test_odd_pictures(estimator, shape):
    """Longer than OpenCV's maps may be, and a single pixel."""
    try:
        poses = estimator(np.zeros(shape, np.uint8), [[0, 0, shape[1], shape[0]]])
    except AMFACError as error:
        assert 'OpenCV cannot cut' in str(error) and '\n' not in str(error)
    else:
        assert len(poses) == 1

"""OnnxDetector: the real RTMDet-nano file, a made-up file for the edges, and errors."""

import builtins
import json

import numpy as np
import pytest

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.runtime.detector import OnnxDetector, keep_inside, letterbox, open_detector


def constant_detector(path, rows, inputs=('batch', 3, 'h', 'w'), outputs=('dets', 'labels'), labels=None):
    """A file with the detector's contract that returns ``rows`` for every picture."""
    onnx = pytest.importorskip('onnx')
    from onnx import TensorProto, helper, numpy_helper
    rows = np.array(rows, np.float32)
    rows = rows.reshape(1, -1, 5) if rows.ndim < 3 else rows
    labels = np.array(labels if labels is not None else [0] * rows.shape[1], np.int64)
    labels = labels[None] if labels.ndim < 2 else labels
    nodes = [helper.make_node('Constant', [], [name], value=numpy_helper.from_array(value))
             for name, value in zip(outputs, (rows, labels))]
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info('input', TensorProto.FLOAT, list(inputs))],
        [helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, rows.shape),
         helper.make_tensor_value_info(outputs[1], TensorProto.INT64, labels.shape)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), path)
    return path


def test_astronaut_equals_the_reference(shared, astronaut):
    expected = json.loads((shared / 'models' / 'expected_astronaut.json').read_text())['detector']
    boxes, scores = OnnxDetector(shared / 'models' / expected['file'], threads=1)(astronaut)
    reference = np.array(expected['boxes_xyxy_score'])
    assert boxes.shape == (len(reference), 4)
    np.testing.assert_allclose(boxes, reference[:, :4], atol=2)
    np.testing.assert_allclose(scores, reference[:, 4], atol=0.01)


@pytest.mark.parametrize('score_thr', [0.0, 0.3])
def test_nobody_gives_empty_arrays(shared, score_thr):
    """The file fills up with rows of zeros, which must not become boxes even without a threshold."""
    detector = OnnxDetector(shared / 'models' / 'rtmdet_nano_person.onnx', score_thr=score_thr, threads=1)
    boxes, scores = detector(np.zeros((100, 300, 3), np.uint8))
    assert boxes.shape == (len(scores), 4) and (scores > 0).all()
    assert score_thr == 0 or len(scores) == 0


def test_rows_are_filtered_and_scaled_back(tmp_path):
    """A 640x320 picture is halved; other labels, weak rows, zero rows and boxes without area go."""
    rows = [[10, 10, 50, 60, .5], [0, 0, 0, 0, 0], [10, 10, 50, 60, .2], [5, 5, 400, 400, .9], [20, 20, 30, 30, .8],
            [321, 10, 330, 20, .9]]
    path = constant_detector(tmp_path / 'd.onnx', rows, labels=[0, 0, 0, 0, 1, 0])
    boxes, scores = OnnxDetector(path, threads=1)(np.zeros((320, 640, 3), np.uint8))
    np.testing.assert_allclose(boxes, [[10, 10, 640, 320], [20, 20, 100, 120]])
    np.testing.assert_allclose(scores, [.9, .5])


@pytest.mark.parametrize('shape, size', [((320, 640), (320, 160)), ((640, 320), (160, 320)), ((7, 2000), (320, 1)),
                                         ((10, 10), (320, 320))])
def test_letterbox_is_top_left_on_grey(shape, size):
    canvas, zoom = letterbox(np.zeros((*shape, 3), np.uint8), (320, 320))
    assert canvas.shape == (320, 320, 3) and zoom == 320 / max(shape)
    used = np.argwhere((canvas == 0).all(axis=2)).max(axis=0) + 1
    assert tuple(used[::-1]) == size
    assert (canvas[(canvas != 0).any(axis=2)] == 114).all()


def test_keep_inside_sorts_by_score():
    boxes, scores = keep_inside([[0, 0, 5, 5], [1, 1, 99, 99], [-9, 0, -1, 5]], [.2, .7, .9], (50, 60, 3))
    assert scores.tolist() == pytest.approx([.7, .2])
    assert boxes.tolist() == [[1, 1, 60, 50], [0, 0, 5, 5]]


def test_not_an_onnx_file(tmp_path):
    path = tmp_path / 'd.onnx'
    path.write_bytes(b'nothing of the kind')
    with pytest.raises(AMFACError, match='not a usable ONNX file') as error:
        OnnxDetector(path)
    assert '\n' not in str(error.value)


def test_not_a_detector(tmp_path):
    path = constant_detector(tmp_path / 'd.onnx', [[0] * 5], outputs=('simcc_x', 'simcc_y'))
    with pytest.raises(AMFACError, match="outputs 'dets' and 'labels' are needed"):
        OnnxDetector(path)


def test_fixed_size_must_agree(tmp_path):
    path = constant_detector(tmp_path / 'd.onnx', [[0] * 5], inputs=(1, 3, 640, 640))
    with pytest.raises(AMFACError, match=r'input_size=\(320, 320\)'):
        OnnxDetector(path, input_size=(320, 320))
    assert OnnxDetector(path, input_size=(640, 640)).input_size == (640, 640)


@pytest.mark.parametrize('inputs, size', [((1, 3, 640, 640), (640, 640)), ((1, 3, 480, 640), (640, 480)),
                                          (('batch', 3, 'h', 'w'), (320, 320)), ((None, 3, 416, None), (320, 416))])
def test_size_is_that_of_the_file(tmp_path, inputs, size):
    """A fixed length is taken, an open one is 320; the file then runs."""
    detector = OnnxDetector(constant_detector(tmp_path / 'd.onnx', [[1, 1, 9, 9, .9]], inputs=inputs), threads=1)
    assert detector.input_size == size
    assert len(detector(np.zeros((50, 60, 3), np.uint8))[0]) == 1


@pytest.mark.parametrize('inputs', [(8, 3, 320, 320), (1, 1, 320, 320), (1, 3, 320)])
def test_other_inputs_are_refused(tmp_path, inputs):
    with pytest.raises(AMFACError, match='takes the input'):
        OnnxDetector(constant_detector(tmp_path / 'd.onnx', [[0] * 5], inputs=inputs))


def without_batch(path):
    """The file with the first axis of its outputs cut off."""
    onnx = pytest.importorskip('onnx')
    from onnx import numpy_helper
    model = onnx.load(path)
    for node, output in zip(model.graph.node, model.graph.output):
        value = numpy_helper.to_array(node.attribute[0].t)[0]
        node.attribute[0].t.CopyFrom(numpy_helper.from_array(value))
        del output.type.tensor_type.shape.dim[0]
    onnx.save(model, path)
    return path


@pytest.mark.parametrize('rows, labels, cut, shapes', [
    ([[[1, 1, 9, 9]]], None, False, r'dets \(1, 1, 4\) and labels \(1, 1\)'),
    ([[1, 1, 9, 9, .9]] * 5, None, True, r'dets \(5, 5\) and labels \(5,\)'),
    ([[1, 1, 9, 9, .9]], [0, 0], False, r'dets \(1, 1, 5\) and labels \(1, 2\)'),
    ([[1, 1, 9, 9, .9]], [[[0]]], False, r'dets \(1, 1, 5\) and labels \(1, 1, 1\)'),
    ([[[1, 1, 9, 9, .9]]] * 2, [[0]] * 2, False, r'dets \(2, 1, 5\) and labels \(2, 1\)')])
def test_outputs_of_another_shape_are_one_line(tmp_path, rows, labels, cut, shapes):
    path = constant_detector(tmp_path / 'd.onnx', rows, labels=labels)
    with pytest.raises(AMFACError, match=f'd.onnx gives {shapes} for one picture; .* are needed') as error:
        OnnxDetector(without_batch(path) if cut else path, threads=1)(np.zeros((50, 60, 3), np.uint8))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('size', [320, (320, ), (0, 320), (320, -1), (320.5, 320), '320'])
def test_input_size_that_is_none(tmp_path, size):
    with pytest.raises(AMFACError, match='input_size') as error:
        OnnxDetector(constant_detector(tmp_path / 'd.onnx', [[0] * 5]), input_size=size)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('image', [np.zeros((50, 60), np.uint8), np.zeros((50, 60, 4), np.uint8),
                                   np.zeros((50, 60, 3)), None])
def test_not_a_picture(tmp_path, image):
    detector = OnnxDetector(constant_detector(tmp_path / 'd.onnx', [[1, 1, 9, 9, .9]]), threads=1)
    with pytest.raises(AMFACError, match=r'image must be a \(height, width, 3\) uint8 BGR array, got'):
        detector(image)
    assert detector(np.zeros((0, 60, 3), np.uint8))[0].shape == (0, 4)


@pytest.mark.parametrize('score_thr', [2, 1.01, -0.1, float('nan'), 'high', None, True])
@pytest.mark.parametrize('spec', ['whole_image', 'd.onnx', lambda image: None])
def test_thresholds_that_no_score_reaches(spec, score_thr):
    with pytest.raises(AMFACError, match=r'score_thr=.* must be a number in \[0, 1\]'):
        open_detector(spec, score_thr)
    with pytest.raises(AMFACError, match='score_thr'):
        OnnxDetector('d.onnx', score_thr=score_thr)


def test_boxes_without_real_size_are_dropped(tmp_path):
    """They would stop the estimator."""
    path = constant_detector(tmp_path / 'd.onnx', [[1, 1, 1.0001, 9, .9], [0, 0, 1e-40, 1e-40, .8], [1, 1, 9, 9, .7]])
    boxes, scores = OnnxDetector(path, threads=1)(np.zeros((320, 320, 3), np.uint8))
    assert boxes.tolist() == [[1, 1, 9, 9]] and scores == pytest.approx([.7])


def test_missing_file(tmp_path):
    with pytest.raises(AMFACError, match='does not exist'):
        OnnxDetector(tmp_path / 'none.onnx')


def test_missing_onnxruntime_gives_the_command(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('onnxruntime'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
        return real(name, *args, **kwargs)

    (tmp_path / 'd.onnx').write_bytes(b'')
    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(MissingPackageError, match=r'python -m pip install .mmpose_amfac\[runtime\]'):
        OnnxDetector(tmp_path / 'd.onnx')

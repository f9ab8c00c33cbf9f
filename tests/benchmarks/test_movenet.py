"""MoveNet: its square crop, the black around the box and the way back, on a made-up network and on the real one."""

import json

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.models.movenet import MoveNet
from mmpose_amfac.errors import AMFACError

SIDE = 64


@pytest.fixture(scope='module')
def red_finder(tmp_path_factory):
    """A file with MoveNet's contract whose every joint is the middle of what is red; the score is a half."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    grid = np.arange(SIDE, dtype=np.float32) / SIDE
    constants = dict(
        red=np.array([1, 0, 0], np.float32), y=grid.reshape(1, SIDE, 1), x=grid.reshape(1, 1, SIDE),
        half=np.full((1, 1), 0.5, np.float32), shape=np.array([1, 1, 1, 3]), wide=np.array([1, 1, 17, 3]),
        axes=np.array([1, 2]), tiny=np.array(1e-6, np.float32))
    node = helper.make_node
    nodes = [
        node('Cast', ['image'], ['pixels'], to=TensorProto.FLOAT), node('MatMul', ['pixels', 'red'], ['r']),
        node('ReduceSum', ['r', 'axes'], ['sum'], keepdims=0), node('Add', ['sum', 'tiny'], ['total']),
        *(part for axis in 'yx' for part in (
            node('Mul', ['r', axis], [f'r{axis}']), node('ReduceSum', [f'r{axis}', 'axes'], [f's{axis}'], keepdims=0),
            node('Div', [f's{axis}', 'total'], [f'm{axis}']))),
        node('Concat', ['my', 'mx', 'half0'], ['row'], axis=0), node('Reshape', ['row', 'shape'], ['one']),
        node('Expand', ['one', 'wide'], ['joints'])]
    constants['half0'] = constants.pop('half').reshape(1)
    graph = helper.make_graph(
        nodes, 'red', [helper.make_tensor_value_info('image', TensorProto.INT32, [1, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info('joints', TensorProto.FLOAT, [1, 1, 17, 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    path = tmp_path_factory.mktemp('movenet') / 'red.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8), path)
    return path


def blob(image, x, y, color):
    image[y - 1:y + 2, x - 1:x + 2] = color


def test_finds_red_of_the_own_box_only(red_finder):
    """Blue in the box is no red (the channel order), and neither is red beside it (the black)."""
    image = np.zeros((200, 300, 3), np.uint8)
    blob(image, 60, 40, (0, 0, 255))
    blob(image, 70, 90, (255, 0, 0))
    blob(image, 130, 60, (0, 0, 255))
    # boxes 60 x 90, 40 x 60 that ends in the second red, and one beyond the edge of the picture
    boxes = np.array([[40, 20, 100, 110], [110, 40, 150, 100], [-40, -30, 80, 70]], np.float32)
    poses = MoveNet(red_finder, threads=1)(image, boxes)
    assert poses.keypoints.shape == (3, 17, 2) and (poses.keypoint_scores == 0.5).all()
    for found, wanted in zip(poses.keypoints, ([60, 40], [130, 60], [60, 40])):
        np.testing.assert_allclose(found, np.tile(wanted, (17, 1)), atol=0.7)


def test_crop_is_a_square_of_the_padded_longer_side(red_finder):
    image = np.full((200, 300, 3), 200, np.uint8)
    crops, center, scale = MoveNet(red_finder, threads=1).crop(image, [[40, 20, 100, 110]])
    assert crops.shape == (1, SIDE, SIDE, 3)
    np.testing.assert_allclose(center, [[70, 65]])
    np.testing.assert_allclose(scale, [[99, 99]])
    # 60 of 99 columns and 90 of 99 rows are inside the box
    inside = (crops[0] > 100).all(-1)
    assert inside.any(0).sum() == pytest.approx(SIDE * 60 / 99, abs=1.5)
    assert inside.any(1).sum() == pytest.approx(SIDE * 90 / 99, abs=1.5)


def test_a_box_outside_the_picture_is_black_and_no_box_is_nobody(red_finder):
    model = MoveNet(red_finder, threads=1)
    image = np.full((50, 50, 3), 200, np.uint8)
    crops, *_ = model.crop(image, [[100, 100, 120, 130]])
    assert not crops.any() and len(model(image, [[100, 100, 120, 130]])) == 1
    assert [len(poses) for poses in model([image, image], [[], [[0, 0, 20, 30]]])] == [0, 1]


def test_another_file_is_refused(root):
    with pytest.raises(AMFACError, match='no MoveNet file'):
        MoveNet(root / 'mmpose_amfac/weights/amfacpose_r18_128x96.onnx')


@pytest.mark.parametrize('option', [['--manifest', 'm.json'], ['--backend', 'openvino'], ['--device', 'cuda']])
def test_options_that_it_does_not_take_are_refused(red_finder, tmp_path, option):
    content = dict(images=[dict(id=1, file_name='a.jpg')], categories=[dict(id=1, name='person')], annotations=[
        dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 9, 9], area=50, keypoints=[1, 1, 2] * 17)])
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(AMFACError, match=f'{option[0]} is nothing for .*red.onnx, a MoveNet file'):
        accuracy.main([str(red_finder), '--ann', str(tmp_path / 'a.json'), '--images', str(tmp_path), '--boxes', 'gt',
                       *option])


@pytest.mark.slow
def test_accuracy_of_the_real_network(shared, real_data, tmp_path):
    """The figures that another implementation of the same crop gave: AP 0.520, AP50 0.767, AP75 0.549, AR 0.553.

    (The int8 file's depend on how the processor computes.)
    """
    out = tmp_path / 'accuracy.json'
    assert accuracy.main([str(shared / 'models/movenet_thunder_256.onnx'), '--ann', str(real_data / 'coco_dev.json'),
                          '--images', str(real_data), '--boxes', 'gt', '--threads', '2', '--out', str(out)]) == 0
    row, = json.loads(out.read_text())['rows']
    found = [row['metrics'][key] for key in ('AP', 'AP50', 'AP75', 'AR')]
    assert found == pytest.approx([0.520, 0.767, 0.549, 0.553], abs=0.002)

"""float16 files: what is rounded, and what must not be."""

import numpy as np
import pytest

from mmpose_amfac.deploy.half import half_arithmetic, half_storage
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.engines import open_engine

onnx = pytest.importorskip('onnx')
helper, to_array = onnx.helper, onnx.numpy_helper.to_array


@pytest.fixture
def file(tmp_path):
    """conv -> relu -> conv -> mean -> matmul -> softmax, with weights that a function may change."""

    def write(scale=1.0):
        rng = np.random.default_rng(0)
        shapes = dict(first=(16, 3, 3, 3), second=(16, 16, 3, 3), bias=(16, ), last=(16, 32))
        weights = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
        weights['second'] *= np.float32(scale)
        nodes = [helper.make_node('Conv', ['input', 'first'], ['a'], 'conv1', pads=[1] * 4),
                 helper.make_node('Relu', ['a'], ['b'], 'relu'),
                 helper.make_node('Conv', ['b', 'second', 'bias'], ['c'], 'conv2', pads=[1] * 4),
                 helper.make_node('ReduceMean', ['c'], ['d'], 'mean', axes=[2, 3], keepdims=0),
                 helper.make_node('MatMul', ['d', 'last'], ['e'], 'matmul'),
                 helper.make_node('Constant', [], ['ten'], 'ten',
                                  value=onnx.numpy_helper.from_array(np.float32(10.0003))),
                 helper.make_node('Mul', ['e', 'ten'], ['f'], 'mul'),
                 helper.make_node('Cast', ['f'], ['g'], 'cast', to=onnx.TensorProto.FLOAT),
                 helper.make_node('Softmax', ['g'], ['out'], 'softmax')]
        graph = helper.make_graph(
            nodes, 'g', [helper.make_tensor_value_info('input', 1, ['batch', 3, 16, 12])],
            [helper.make_tensor_value_info('out', 1, ['batch', 32])],
            [onnx.numpy_helper.from_array(v, k) for k, v in weights.items()])
        path = tmp_path / 'net.onnx'
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), path)
        return path

    return write


BATCH = np.random.default_rng(1).normal(size=(2, 3, 16, 12)).astype(np.float32)


def test_arithmetic_in_half_up_to_the_last_convolution(file):
    path = file()
    wanted, = open_engine(path)(BATCH)
    half_arithmetic(path)
    graph = onnx.load(path).graph
    onnx.checker.check_model(onnx.load(path), full_check=True)
    kinds = {t.name: to_array(t).dtype for t in graph.initializer}
    assert kinds['first'] == kinds['second'] == np.float16 and kinds['last'] == kinds['ten'] == np.float32
    # in, out of the convolutions, and nowhere between softmax and them
    casts = [a.i for n in graph.node if n.op_type == 'Cast' for a in n.attribute]
    assert casts.count(onnx.TensorProto.FLOAT16) == 1
    found, = open_engine(path)(BATCH)
    assert found.dtype == np.float32 and 0 < np.abs(found - wanted).max() < 2e-3 * wanted.max()


def test_storage_rounds_large_weights_only(file):
    path = file()
    size = path.stat().st_size
    weights = {t.name: to_array(t) for t in onnx.load(path).graph.initializer}
    wanted, = open_engine(path)(BATCH)
    half_storage(path)
    graph = onnx.load(path).graph
    stored = {t.name: to_array(t) for t in graph.initializer}
    assert path.stat().st_size < 0.7 * size
    assert {k for k, v in stored.items() if v.dtype == np.float16} == {'first_half', 'second_half', 'last_half'}
    np.testing.assert_array_equal(stored['bias'], weights['bias'])
    np.testing.assert_array_equal(stored['last_half'], weights['last'].astype(np.float16))
    found, = open_engine(path)(BATCH)
    assert 0 < np.abs(found - wanted).max() < 2e-3 * wanted.max()


@pytest.mark.parametrize('scale', [1e6, 1e-8])
def test_weights_outside_the_range_stay(file, scale):
    path = file(scale)
    half_storage(path)
    kinds = {t.name: to_array(t).dtype for t in onnx.load(path).graph.initializer}
    assert kinds['second'] == np.float32 and kinds['first_half'] == np.float16


def test_arithmetic_names_a_weight_that_does_not_fit(file):
    with pytest.raises(AMFACError, match='the weight second reaches .*take fp32'):
        half_arithmetic(file(1e6))

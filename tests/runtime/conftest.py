"""Small model files with RTMPose's and with heatmap outputs, and the packaged network exported."""

import numpy as np
import pytest

from mmpose_amfac.manifest import Manifest


def small_file(path, rule='simcc', joints=17, size=(24, 32), ratio=2.0, batch='batch', outputs=None, seed=0):
    """A real little network (pooling and a linear layer) that tells one crop from another.

    Args:
        path: of the ``.onnx`` file.
        rule: ``'simcc'`` (two outputs) or ``'heatmap'`` (one, stride 4).
        size: (width, height) of the input.
        ratio: bins per pixel.
        batch: a number fixes the batch.
    """
    onnx = pytest.importorskip('onnx')
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.default_rng(seed)
    width, height = size
    if rule == 'simcc':
        shapes = dict(zip(outputs or ('simcc_x', 'simcc_y'), ((joints, round(width * ratio)),
                                                              (joints, round(height * ratio)), (joints, 5))))
    else:
        shapes = dict(zip(outputs or ('heatmaps', ), ((joints, height // 4, width // 4), )))
    nodes = [helper.make_node('AveragePool', ['input'], ['pooled'], kernel_shape=[8, 8], strides=[8, 8]),
             helper.make_node('Flatten', ['pooled'], ['flat'])]
    weights = []
    for name, shape in shapes.items():
        # weak enough that no two bins are 1
        matrix = rng.normal(0, 0.1, (3 * (width // 8) * (height // 8), int(np.prod(shape)))).astype(np.float32)
        weights += [numpy_helper.from_array(matrix, f'{name}_w'),
                    numpy_helper.from_array(np.array([-1, *shape], np.int64), f'{name}_shape')]
        nodes += [helper.make_node('MatMul', ['flat', f'{name}_w'], [f'{name}_1']),
                  helper.make_node('Sigmoid', [f'{name}_1'], [f'{name}_2']),
                  helper.make_node('Reshape', [f'{name}_2', f'{name}_shape'], [name])]
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info('input', TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape]) for name, shape in shapes.items()],
        weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), path)
    return path


@pytest.fixture(scope='session')
def make_file():
    return small_file


@pytest.fixture(scope='session')
def simcc_file(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp('simcc') / 'small.onnx')


@pytest.fixture(scope='session')
def heatmap_file(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp('heatmap') / 'small.onnx', 'heatmap')


@pytest.fixture(scope='session')
def packaged_pair(tmp_path_factory):
    """TorchEstimator of the packaged weights, and the same network as an ONNX file with its manifest."""
    pytest.importorskip('mmpose')
    import torch

    from mmpose_amfac.apis import TorchEstimator
    estimator = TorchEstimator('amfacpose', device='cpu')
    head = estimator.model.head

    class Vectors(torch.nn.Module):
        """The graph contract: peak-normalised softmax vectors."""

        def __init__(self):
            super().__init__()
            self.model = estimator.model

        def forward(self, x):
            return head.vectors(self.model.extract_feat(x))

    path = tmp_path_factory.mktemp('packaged') / 'amfacpose.onnx'
    width, height = estimator.input_size
    names = ['input', 'simcc_x', 'simcc_y']
    torch.onnx.export(Vectors().eval(), torch.zeros(1, 3, height, width), str(path), input_names=names[:1],
                      output_names=names[1:], dynamic_axes={name: {0: 'batch'} for name in names}, opset_version=17,
                      dynamo=False)
    codec = head.decoder
    Manifest(model='amfacpose', files={path.name: ''}, skeleton=estimator.skeleton, input_size=estimator.input_size,
             outputs=('simcc_x', 'simcc_y'), padding=estimator.padding, source=dict(aliases=['small-one']),
             decode=dict(rule='simcc', split_ratio=codec.simcc_split_ratio, window=codec.window)).write(path)
    return estimator, path

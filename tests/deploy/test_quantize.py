"""int8 files: what is quantised, what stays in float, and that both engines run them."""

import numpy as np
import onnx
import pytest
import torch

from mmpose_amfac import geometry, simcc
from mmpose_amfac.deploy.export import deployable
from mmpose_amfac.deploy.onnx_file import write_onnx
from mmpose_amfac.deploy.quantize import quantize
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.trained import TrainedModel
from mmpose_amfac.runtime.engines import open_engine

pytestmark = pytest.mark.slow
# the first layer, the gates, and what reads means
IN_FLOAT = {
    '/backbone/stem/stem.0/conv/Conv',
    *(f'/backbone/stages.{stage}.{block}/scrm/channel_conv/Conv' for stage in range(4) for block in range(2)),
    *(f'/backbone/{gate}{again}/Conv' for gate in ('squeeze', 'excite') for again in ('', '_1', '_2', '_3')),
    *(f'/neck/{gate}/{gate}.{layer}{again}/Conv' for gate in ('context', 'guide') for layer in (0, 2)
      for again in ('', '_1', '_2')),
    '/neck/fusion/Conv', '/neck/fusion_1/Conv', '/embedding/Conv', '/embedding_1/Conv',
}


@pytest.fixture(scope='module')
def source():
    return TrainedModel('amfacpose')


@pytest.fixture(scope='module')
def inputs(source):
    crops = samples(source.input_size, source.padding).crops
    return geometry.normalise(crops, source.channel_order, source.mean, source.std)


@pytest.mark.parametrize('backend, chained', [('onnxruntime', True), ('openvino', False)])
def test_convolutions_are_quantised_and_gates_are_not(source, inputs, tmp_path, backend, chained):
    network, _ = deployable(source.estimator.model, backend, 'fp32')
    width, height = source.input_size
    path = tmp_path / 'm.onnx'
    write_onnx(network, torch.zeros(2, 3, height, width), path, dynamic_batch=True)
    size, expected = path.stat().st_size, open_engine(path, backend, threads=1)(inputs)
    done = quantize(path, inputs, chained)
    assert path.stat().st_size < size
    graph = onnx.load(path).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    convolutions = [n for n in graph.node if n.op_type == 'Conv']
    for node in convolutions:
        wanted = node.name in done
        assert (makers.get(node.input[1]) == 'DequantizeLinear') == wanted, node.name
    assert {node.name for node in convolutions} - set(done) == IN_FLOAT
    # depthwise, pointwise and spatial convolutions of 8 blocks, 3 skips, the dense stem and the laterals
    assert len(done) == 8 * 5 + 3 + 3 + 3 * 3
    assert {node.domain for node in graph.node} <= {'', 'ai.onnx'}
    found = open_engine(path, backend, threads=1)(inputs)
    assert all(np.isfinite(v).all() for v in found)
    (joints, scores), (reference, sure) = (simcc.decode(*v, 2.0, 10) for v in (found, expected))
    away = np.linalg.norm(joints - reference, axis=-1)
    assert np.median(away[sure > 0.3]) < 1
    assert np.abs(scores - sure).mean() < 0.05

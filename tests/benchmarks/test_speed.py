"""The speed benchmark: what it counts and writes. Times are never judged here."""

import json
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import nets, profile, roofline, speed, torch_speed
from benchmarks.timing import interleaved, spread
from mmpose_amfac.errors import AMFACError


def test_rounds_run_every_candidate_once_in_changing_order():
    calls = []
    names = 'abcd'
    seconds = interleaved({n: lambda n=n: calls.append(n) for n in names}, rounds=6, warm_up=1)
    assert calls[:4] == list(names)
    rounds = [calls[i:i + 4] for i in range(4, len(calls), 4)]
    assert len(rounds) == 6 and all(sorted(r) == list(names) for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1
    assert set(seconds) == set(names) and all(v.shape == (6, ) and (v >= 0).all() for v in seconds.values())


def test_spread_is_median_and_tenths():
    assert spread(np.arange(11)) == [5, 1, 9]


def test_work_counts_convolutions_and_products(tmp_path, monkeypatch):
    """(1, 4, 8, 8) -> 3x3 convolution in 2 groups, stride 2 -> (1, 6, 4, 4), times (4, 5); constants are free."""
    weight = numpy_helper.from_array(np.ones((6, 2, 3, 3), np.float32), 'w')
    right = numpy_helper.from_array(np.ones((4, 5), np.float32), 'r')
    graph = helper.make_graph(
        [helper.make_node('Conv', ['x', 'w'], ['y'], group=2, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]),
         helper.make_node('Relu', ['y'], ['z']), helper.make_node('MatMul', ['z', 'r'], ['out']),
         helper.make_node('MatMul', ['r2', 'r'], ['constant'])], 'g',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 4, 8, 8])],
        [helper.make_tensor_value_info('out', TensorProto.FLOAT, [1, 6, 4, 5]),
         helper.make_tensor_value_info('constant', TensorProto.FLOAT, [3, 5])],
        [weight, right, numpy_helper.from_array(np.ones((3, 4), np.float32), 'r2')])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), tmp_path / 'm.onnx')
    conv, product = roofline.work(tmp_path / 'm.onnx')
    assert conv == (96 * 2 * 9, 4 * (256 + 108 + 96))
    assert product == (120 * 4, 4 * (96 + 20 + 120))
    # the convolution is bound by arithmetic here, the product by memory
    monkeypatch.setattr(roofline, 'rates', lambda threads: roofline.Rates(1000.0 * threads, 1000.0 * threads))
    assert roofline.roofline(tmp_path / 'm.onnx', 1) == pytest.approx((conv.bytes + product.bytes) / 1000)
    monkeypatch.setattr(roofline, 'rates', lambda threads: roofline.Rates(500.0, 1000.0))
    assert roofline.roofline(tmp_path / 'm.onnx', 1) == pytest.approx(conv.macs / 500 + product.macs / 500)


@pytest.mark.slow
def test_one_small_run(tmp_path, monkeypatch, root):
    """The file that it writes has everything that a figure needs beside it, and int8 rows."""
    monkeypatch.setattr(sys, 'argv', ['speed', '--nets', 'amfacpose-r18-256x192', '--backends', 'openvino', '--threads',
                                      '1', '--int8', 'amfacpose-r18-256x192', 'rtmpose-t-256x192', '--rounds', '2',
                                      '--files', str(tmp_path),
                                      '--out', str(tmp_path / 'out.json')])
    monkeypatch.setattr(speed, 'BASES', ('rtmpose-t-256x192', ))

    def clockwork(candidates, rounds, progress):
        for run in candidates.values():
            run()
        return {key: np.full(rounds, 0.004 if key[0].startswith('rtm') else 0.010) for key in candidates}

    monkeypatch.setattr(speed, 'interleaved', clockwork)
    assert speed.main() == 0
    result = json.loads((tmp_path / 'out.json').read_text())
    rows = {(r['net'], r['precision']): r for r in result['rows']}
    assert len(rows) == 4
    ours = rows['amfacpose-r18-256x192', 'fp32']
    assert ours['difference_from_torch'] < 1e-4 and len(ours['sha256']) == 64 and ours['roofline_ms'] > 0
    assert ours['arithmetic'] == 'fp32' and ours['provider'] == 'CPU'
    assert rows['rtmpose-t-256x192', 'fp32']['ratios'] == {'rtmpose-t-256x192': [1, 1, 1]}
    assert ours['ms'] == [10, 10, 10] and ours['ratios'] == {'rtmpose-t-256x192': [2.5, 2.5, 2.5]}
    for row in rows.values():
        assert {'sha256', 'input', 'backend', 'precision', 'batch', 'threads', 'device', 'load', 'versions',
                'commit'} <= set(row)
    assert rows['amfacpose-r18-256x192', 'int8']['correlation_with_torch'] > 0.5
    # 1451 M as written
    file, = tmp_path.glob('*/amfacpose*fp32*.onnx')
    assert sum(layer.macs for layer in roofline.work(file)) == pytest.approx(1.272e9, rel=1e-3)
    for backend in ('onnxruntime', 'openvino'):
        monkeypatch.setattr(sys, 'argv', ['profile', str(file), '--backend', backend, '--runs', '1', '--out',
                                          str(tmp_path / 'profile.json')])
        assert profile.main() == 0
        found = json.loads((tmp_path / 'profile.json').read_text())
        assert any('Conv' in name for name in found['operators_ms']) and found['total_ms'] > 0


def test_files_that_compute_something_else_are_refused(monkeypatch):
    """Two pictures of the same answer, an answer that is off, int8 outputs of another picture."""
    sharp, flat = np.eye(4, dtype=np.float32), np.ones((4, 4), np.float32)
    inputs = np.ones((1, 3, 8, 8), np.float32)

    class Engine:
        backend = 'any'

        def __init__(self, outputs):
            self.outputs = outputs

        def __call__(self, inputs):
            return [self.outputs]

    monkeypatch.setattr(nets, 'expected', lambda name, x: [flat[:1]])
    with pytest.raises(AMFACError, match='too much alike'):
        speed.compare('net', Engine(flat), inputs, 'fp32')
    monkeypatch.setattr(nets, 'expected', lambda name, x: [sharp[:1] if x.max() > 0 else sharp[1:2]])
    assert speed.compare('net', Engine(sharp), inputs, 'fp32') == dict(difference_from_torch=0)
    with pytest.raises(AMFACError, match='differ from torch by 1.0e-02'):
        speed.compare('net', Engine(sharp + np.float32(0.01)), inputs, 'fp32')
    assert speed.compare('net', Engine(sharp + np.float32(0.01)), inputs, 'int8')['correlation_with_torch'] == 1
    with pytest.raises(AMFACError, match='correlate'):
        speed.compare('net', Engine(sharp[1:]), inputs, 'int8')


def test_every_net_has_its_config():
    assert all(nets.config_of(name).is_file() for name in nets.NETS)


def test_torch_on_this_machine(tmp_path, monkeypatch):
    """The way of the GPU figures, run on a CPU; what needs a GPU says so."""
    import torch
    args = ['--nets', 'rtmpose-t-256x192', '--precision', 'fp32', '--batches', '1', '2', '--rounds', '1', '--out',
            str(tmp_path / 't.json')]
    assert torch_speed.main([*args, '--device', 'cpu', '--modes', 'eager']) == 0
    rows = json.loads((tmp_path / 't.json').read_text())['rows']
    assert [r['batch'] for r in rows] == [1, 2] and all(r['ms'][0] > 0 for r in rows)
    with pytest.raises(AMFACError, match='graph needs --device cuda'):
        torch_speed.main([*args, '--device', 'cpu'])
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(AMFACError, match='no CUDA device'):
        torch_speed.main(args)

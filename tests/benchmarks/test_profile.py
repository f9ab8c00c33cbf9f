"""Where a file spends its time, one activation in each form, and exports against torch: rows, resuming and reasons."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import mish, parity, profile, tables
from benchmarks.results import read
from mmpose_amfac.errors import AMFACError, MissingPackageError


@pytest.fixture
def file(tmp_path):
    """A convolution and its ReLU on pictures of 64x32."""
    weight = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node('Conv', ['input', 'w'], ['a'], kernel_shape=[3, 3]), helper.make_node('Relu', ['a'], ['y'])],
        'g', [helper.make_tensor_value_info('input', TensorProto.FLOAT, (2, 3, 32, 64))],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, (2, 8, 30, 62))], [numpy_helper.from_array(weight, 'w')])
    path = tmp_path / 'small.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)
    return path


def test_operators_are_means_of_the_runs_with_their_spread(file, tmp_path, monkeypatch, capsys):
    runs = [Counter(Conv=n, Relu=1.0) for n in (2.0, 4.0, 6.0)]
    monkeypatch.setitem(profile.OPERATORS, 'onnxruntime', lambda path, inputs, threads, count: runs)
    monkeypatch.setattr(profile, 'roofline', lambda path, threads: 0.002)
    out = tmp_path / 'profile.json'
    assert profile.main([str(file), '--runs', '3', '--out', str(out)]) == 0
    row, = read(out, 'profile')
    assert row['operators_ms'] == dict(Conv=4.0, Relu=1.0) and row['total_ms'] == 5.0 and row['roofline_ms'] == 2.0
    assert row['spread_ms'] == [5.0, 3.4, 6.6] and row['input'] == [2, 3, 32, 64] and row['runs'] == 3
    assert row['environment']['device'] in row['id'] and 'Conv' in capsys.readouterr().out
    monkeypatch.setitem(profile.OPERATORS, 'onnxruntime', None)
    assert profile.main([str(file), '--runs', '3', '--out', str(out)]) == 0
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    assert '| small onnxruntime | 5 | 2 | Conv 80 %, Relu 20 % |' in tables.shown('profiles')


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_real_profile(file, tmp_path, backend):
    pytest.importorskip(backend)
    out = tmp_path / 'profile.json'
    assert profile.main([str(file), '--backend', backend, '--runs', '2', '--out', str(out)]) == 0
    row, = read(out, 'profile')
    assert any('Conv' in name for name in row['operators_ms']) and row['spread_ms'][1] > 0
    # only what is below half a microsecond is left out
    assert row['spread_ms'][1] - 0.01 <= row['total_ms'] <= row['spread_ms'][2] + 0.01


def test_what_fails_has_a_reason_and_is_tried_again(file, tmp_path, monkeypatch):
    def fails(path, inputs, threads, runs):
        raise RuntimeError('no such kernel\nmore')

    out = tmp_path / 'profile.json'
    monkeypatch.setitem(profile.OPERATORS, 'onnxruntime', fails)
    assert profile.main([str(file), '--out', str(out)]) == 1
    assert read(out, 'profile')[0]['reason'] == 'RuntimeError: no such kernel'
    monkeypatch.setitem(profile.OPERATORS, 'onnxruntime', lambda *args: [Counter(Conv=1.0)] * 10)
    monkeypatch.setattr(profile, 'roofline', lambda path, threads: 0.001)
    assert profile.main([str(file), '--out', str(out)]) == 0
    assert read(out, 'profile')[0]['total_ms'] == 1.0


@pytest.mark.parametrize('option', ['--runs', '--threads'])
def test_numbers_are_checked_first(file, option):
    for command, start in ((profile, [str(file)]), (mish, [])):
        option = '--rounds' if command is mish and option == '--runs' else option
        with pytest.raises(AMFACError, match=option):
            command.main([*start, option, '0'])


def test_forms_are_measured_together_and_a_missing_engine_is_told(tmp_path, monkeypatch, capsys):
    opened, real = [], mish.open_engine

    def engine(path, backend, threads):
        opened.append((path.stem, backend))
        if backend == 'openvino':
            raise MissingPackageError('it is not installed')
        return real(path, backend, threads=threads)

    monkeypatch.setattr(mish, 'open_engine', engine)
    monkeypatch.setattr(mish, 'interleaved', lambda candidates, rounds: {
        key: np.full(rounds, 0.002) for key in candidates})
    out = tmp_path / 'mish.json'
    call = ['--size', '2', '3', '4', '--rounds', '3', '--out', str(out)]
    assert mish.main(call) == 0
    rows = {(row['backend'], row['form']): row for row in read(out, 'mish')}
    assert len(rows) == 2 * (1 + len(mish.FORMS)) == len(opened)
    assert rows['onnxruntime', 'relu']['ms'] == [2.0] * 3 and rows['onnxruntime', 'relu']['size'] == [2, 3, 4]
    assert rows['openvino', 'relu']['reason'] == 'it is not installed'
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    assert 'maps of 2x3x4' in tables.shown('mish_forms') and '| relu | 2.00 |  |' in tables.shown('mish_forms')
    opened.clear()
    assert mish.main([*call, '--backends', 'onnxruntime']) == 0 and not opened
    assert 'it is not installed' in capsys.readouterr().out


def test_exports_are_kept_told_and_tried_again(tmp_path, monkeypatch):
    made, ann = [], tmp_path / 'ann.json'
    ann.write_text('{}')

    class Found:
        verification = dict(status='passed', reasons=[], ap=0.5, ap_torch=0.5, max_px=0.1, mean_px=0.01, left_out=0.0)
        files = {'a.onnx': 'a' * 64}

    def export(model, out, backend, precision, **rest):
        made.append((backend, precision))
        if backend == 'openvino':
            raise MissingPackageError('no OpenVINO')
        if precision == 'int8' and not fine:
            raise ValueError('not to be quantised')
        (tmp_path / 'a.onnx').write_bytes(b'x' * 20_000)
        return tmp_path / 'a.onnx', Found

    monkeypatch.setattr(parity, 'export', export)
    out = tmp_path / 'parity.json'
    call = [str(ann), '--backends', 'onnx', 'openvino', '--out', str(out)]
    fine = False
    assert parity.main(call) == 1
    rows = {(row['backend'], row['precision']): row for row in read(out, 'parity')}
    assert rows['onnx', 'fp32']['megabytes'] == 0.02 and rows['onnx', 'fp32']['joints'] is None
    assert rows['onnx', 'int8']['reason'] == 'ValueError: not to be quantised'
    assert rows['openvino', 'fp32']['reason'] == 'no OpenVINO'
    made.clear()
    fine = True
    assert parity.main(call) == 0
    assert ('onnx', 'int8') in made and ('onnx', 'fp32') not in made
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    assert '| onnx | int8 | passed | 0.02 | 0.1 | 0.01 | 0.0% | 0.5000 | 0.5000 |' in tables.shown('parity')
    assert '| openvino | fp32 | not run |' in tables.shown('parity')
    with pytest.raises(AMFACError, match='does not exist'):
        parity.main(['nothing.json'])

"""The speed benchmark: what it counts and writes. Times are never judged here."""

import argparse
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import speed, tables, zoo
from benchmarks.models.exports import Folder
from benchmarks.results import CannotRunError, read
from benchmarks.timing import bench, memory, opened, roofline
from benchmarks.timing.agreement import WrongOutputError
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.apis.report import cpu_name
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


def test_sizes_that_only_a_run_tells_have_no_roofline(tmp_path):
    graph = helper.make_graph([helper.make_node('MatMul', ['x', 'r'], ['y'])], 'g',
                              [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['any', 4])],
                              [helper.make_tensor_value_info('y', TensorProto.FLOAT, ['any', 5])],
                              [numpy_helper.from_array(np.ones((4, 5), np.float32), 'r')])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), tmp_path / 'm.onnx')
    assert roofline.roofline(tmp_path / 'm.onnx', 1) is None


def test_rates_without_openvino_are_those_of_torch(monkeypatch):
    monkeypatch.setattr(roofline, 'find_spec', lambda name: None)
    monkeypatch.setattr(roofline, 'open_engine', lambda *_, **__: pytest.fail('opened'))
    found = roofline.rates.__wrapped__(1)
    # any machine makes 0.1 G products and copies 0.1 GB a second
    assert found.macs_per_second > 1e8 and found.bytes_per_second > 1e8


def test_what_only_the_first_call_needs_is_no_part_of_the_peak():
    """As compilation in the first call of a compiled network."""
    if memory.resident() is None:
        pytest.skip('this system does not tell the peak of a process')
    calls = []

    def call():
        calls.append(np.ones((200 if not calls else 30) << 17).sum())

    _, row, seconds, _ = opened._measured(opened.Run('eager', 'any', 'fp32', 1, 1), lambda: call)
    assert len(calls) == row['warm_up'] == 3 and 25 < row['peak_memory_mb'] < 80 and seconds > 0


def test_peak_memory_is_that_of_the_calls():
    before = memory.resident()
    if before is None:
        pytest.skip('this system does not tell the peak of a process')
    memory.resident()
    np.ones(50 << 17).sum()
    assert 45 < memory.peak(before) < 80
    memory.resident()
    assert memory.peak(before) < 20


SMALL, OTHER = 'rtmpose-t_8xb256-420e_coco-256x192', 'rtmpose-t_8xb256-420e_aic-coco-256x192'
OURS = 'amfacpose_r18_1xb32-140e_coco-256x192'
# milliseconds by what is timed
CLOCK = dict(base=4, eager=10, onnxruntime=5, openvino=8, compile=2)


@pytest.fixture
def clockwork(monkeypatch):
    """Candidates that take a known time, without files; the list of those that were opened."""
    seen = []

    def open_candidate(folder, run):
        seen.append((folder.system.name, run.backend, run.form, run.precision))
        if run.backend == 'tensorrt':
            opened._tensorrt()
        row = dict(route='torch' if run.backend in opened.TORCH else 'mmdeploy', provider='any', arithmetic='fp32',
                   peak_memory_mb=None, warm_up=3)
        return opened.Candidate(lambda: None, row, CLOCK[run.backend] / 1e3)

    def interleaved(candidates, rounds, **_):
        names = {key: 'base' if key[0] == 'base' else key.backend for key in candidates}
        return {key: np.full(rounds, CLOCK[name] / 1e3) for key, name in names.items()}

    monkeypatch.setattr(bench, 'open_candidate', open_candidate)
    monkeypatch.setattr(bench, 'interleaved', interleaved)
    # a machine of a million million products a second
    monkeypatch.setattr(roofline, 'rates', lambda threads: roofline.Rates(1e12, 1e12))
    return seen


def test_rows_ratios_and_resuming(clockwork, tmp_path):
    out = tmp_path / 'speed.json'
    args = [SMALL, OTHER, '--backends', 'eager', 'onnxruntime', 'tensorrt', '--threads', '1', '2', '--files',
            str(tmp_path), '--out', str(out), '--rounds', '9']
    assert speed.main(args) == 0
    rows = {(r['name'], r['backend'], r['threads']): r for r in read(out, 'speed')}
    assert len(rows) == 2 * 3 * 2
    file = rows[SMALL, 'onnxruntime', 1]
    assert file['ms'] == [5, 5, 5] and file['ratio'] == [1.25] * 3 and file['speedup_over_eager'] == [2, 2, 2]
    assert file['rounds'] == 9 and file['scope'] == 'network'
    assert rows[SMALL, 'eager', 2]['ratio'] == [2.5] * 3 and 'speedup_over_eager' not in rows[SMALL, 'eager', 1]
    # the same network is timed once
    assert rows[OTHER, 'onnxruntime', 1]['ms'] == file['ms']
    assert rows[OTHER, 'onnxruntime', 1]['measured_as'] == SMALL and 'measured_as' not in file
    assert {name for name, *_ in clockwork} == {SMALL, bench.BASE}
    assert all('TensorRT is not installed' in rows[name, 'tensorrt', t]['reason'] for name in (SMALL, OTHER)
               for t in (1, 2))
    clockwork.clear()
    text = out.read_text()
    assert speed.main(args) == 0 and out.read_text() == text
    # what may work by now is tried again, with what its gain is counted from
    assert {backend for name, backend, *_ in clockwork if name == SMALL} == {'tensorrt', 'eager'}
    clockwork.clear()
    args.remove('tensorrt')
    # another back end: only that one and what its gain is counted from
    assert speed.main([*args[:3], 'openvino', *args[3:]]) == 0
    assert {backend for name, backend, *_ in clockwork if name == SMALL} == {'openvino', 'eager'}
    assert len(read(out, 'speed')) == 16


def test_what_takes_too_long_is_a_row_with_the_reason(clockwork, tmp_path, monkeypatch):
    out = tmp_path / 'speed.json'
    args = [SMALL, '--backends', 'eager', 'onnxruntime', '--threads', '1', '--files', str(tmp_path), '--out', str(out)]
    assert speed.main([*args, '--longest', '0.007', '--seconds', '0.01']) == 0
    rows = {r['backend']: r for r in read(out, 'speed')}
    # 0.01 s are less than 7 rounds: there are never fewer
    assert rows['onnxruntime']['rounds'] == 7 and 'a call takes 0.01 s, longer' in rows['eager']['reason']
    # and the file has no say in what takes too long now
    assert speed.main(args) == 0
    rows = {r['backend']: r for r in read(out, 'speed')}
    assert rows['eager']['rounds'] == 30 and rows['onnxruntime']['rounds'] == 7
    out.unlink()
    clockwork.clear()
    # 0.36 G products at 1 G per second: not even opened
    monkeypatch.setattr(roofline, 'rates', lambda threads: roofline.Rates(1e9, 1e9))
    assert speed.main([*args, '--longest', '0.1']) == 0
    assert all('by its multiply-accumulates' in r['reason'] for r in read(out, 'speed')) and not clockwork


def test_other_versions_are_measured_again(clockwork, tmp_path, monkeypatch):
    out = tmp_path / 'speed.json'
    args = ['--backends', 'onnxruntime', '--threads', '1', '--files', str(tmp_path), '--out', str(out)]
    now = dict(device='A', commit=None, versions=dict(torch='1'))
    monkeypatch.setattr(bench, 'environment', lambda *_, device=None: now)
    assert speed.main([SMALL, *args]) == 0
    clockwork.clear()
    # a system with the same network takes the row over with its environment
    monkeypatch.setattr(bench, 'environment', lambda *_, device=None: dict(now, commit='another'))
    assert speed.main([SMALL, OTHER, *args]) == 0 and not clockwork
    found = {r['name']: r for r in read(out, 'speed')}
    assert found[OTHER]['measured_as'] == SMALL and found[OTHER]['environment']['commit'] is None
    # not from other versions
    monkeypatch.setattr(bench, 'environment', lambda *_, device=None: dict(now, versions=dict(torch='2')))
    assert speed.main([OTHER, *args]) == 0 and clockwork
    found = {r['name']: r for r in read(out, 'speed')}
    assert 'measured_as' not in found[OTHER] and found[OTHER]['environment']['versions'] == dict(torch='2')
    # another device stands beside it
    monkeypatch.setattr(bench, 'environment', lambda *_, device=None: dict(now, device='B'))
    assert speed.main([OTHER, *args]) == 0
    assert len(read(out, 'speed')) == 3


def test_anything_that_fails_is_a_row_and_the_others_go_on(clockwork, tmp_path, monkeypatch):
    right = bench.open_candidate

    def broken(folder, run):
        if run.backend == 'openvino' and folder.system.name == SMALL:
            raise KeyError('input')
        if run.backend == 'onnxruntime' and folder.system.name == bench.BASE:
            raise WrongOutputError('differs')
        return right(folder, run)

    monkeypatch.setattr(bench, 'open_candidate', broken)
    out = tmp_path / 'speed.json'
    assert speed.main([SMALL, '--threads', '1', '--files', str(tmp_path), '--out', str(out)]) == 1
    rows = {r['backend']: r for r in read(out, 'speed')}
    assert rows['openvino']['reason'] == "KeyError: 'input'" and rows['eager']['ms']
    assert rows['onnxruntime']['reason'].startswith(f'{bench.BASE}, which all are compared with, in onnxruntime: dif')
    assert 'route' not in rows['openvino']
    # while all run in turns
    monkeypatch.setattr(bench, 'open_candidate', right)
    monkeypatch.setattr(bench, 'interleaved', lambda *_, **__: 1 / 0)
    assert speed.main([OURS, '--threads', '1', '--files', str(tmp_path), '--out', str(out)]) == 1
    assert [r['reason'] for r in read(out, 'speed') if r['name'] == OURS] == [
        'while the group was timed: ZeroDivisionError: division by zero'] * 3


def test_a_run_goes_past_what_ended_the_process(clockwork, tmp_path, monkeypatch):
    out = tmp_path / 'speed.json'
    args = [SMALL, '--backends', 'eager', '--threads', '1', '--files', str(tmp_path), '--out', str(out)]
    seen = []
    right = bench.open_candidate

    def killed(folder, run):
        seen.append(read(out, 'speed')[0]['reason'])
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, 'open_candidate', killed)
    with pytest.raises(KeyboardInterrupt):
        speed.main(args)
    assert seen == [bench.ENDED] and read(out, 'speed')[0]['reason'] == 'the measurement was interrupted'
    # as a process leaves it that the system ends
    out.write_text(out.read_text().replace('the measurement was interrupted', bench.ENDED))
    monkeypatch.setattr(bench, 'open_candidate', right)
    assert speed.main(args) == 1 and not clockwork
    assert speed.main([*args, '--again']) == 0 and 'ms' in read(out, 'speed')[0]


def test_times_that_spread_are_measured_twice_and_noted(clockwork, tmp_path, monkeypatch):
    widths = iter([3, 2])

    def interleaved(candidates, rounds, **_):
        width = next(widths)
        return {key: np.linspace(1, 1 if key[0] == 'base' else width, rounds) for key in candidates}

    monkeypatch.setattr(bench, 'interleaved', interleaved)
    out = tmp_path / 'speed.json'
    args = [SMALL, '--backends', 'eager', '--threads', '1', '--files', str(tmp_path), '--out', str(out)]
    assert speed.main(args) == 0
    row, = read(out, 'speed')
    # 1.9 / 1.1 of the second run
    assert row['note'] == 'measured twice, the 90th percentile of its times is 1.7 times the 10th'
    assert row['ms'] == [1500, 1100, 1900] and next(widths, None) is None


def test_the_gain_is_counted_in_the_same_precision(clockwork, tmp_path):
    out = tmp_path / 'speed.json'
    assert speed.main([SMALL, '--backends', 'eager', 'compile', 'onnxruntime', '--precision', 'bf16', '--threads', '1',
                       '--files', str(tmp_path), '--out', str(out)]) == 0
    rows = {r['backend']: r for r in read(out, 'speed')}
    assert rows['compile']['speedup_over_eager'] == [5, 5, 5] and 'speedup_over_eager' not in rows['onnxruntime']


def test_a_config_of_the_caller_is_none_of_the_zoo(clockwork, tmp_path):
    """Same stem, another network: a row of its own, in int8 too, with its deploy form."""
    path = tmp_path / f'{OURS}.py'
    path.write_text(zoo.config_file(zoo.find('amfacpose_r18_1xb32-140e_coco-256x256')).read_text().replace(
        "_base_ = ['", f"_base_ = ['{zoo.config_file(zoo.find(OURS)).parent}/").replace(
        "_base_ = '", f"_base_ = '{zoo.config_file(zoo.find(OURS)).parent}/"))
    out = tmp_path / 'speed.json'
    assert speed.main([OURS, str(path), '--int8', str(path), '--backends', 'onnxruntime', '--threads', '1', '--files',
                       str(tmp_path), '--out', str(out)]) == 0
    rows = [(r['name'].partition('@'), r['form'], r['precision'], r['input']) for r in read(out, 'speed')]
    assert [(at, form, precision, size) for (_, at, _), form, precision, size in rows] == [
        ('', 'deploy', 'fp32', [192, 256]), ('@', 'deploy', 'fp32', [256, 256]), ('@', 'deploy', 'int8', [256, 256])]
    assert {name for (name, _, _), *_ in rows} == {OURS}


def test_int8_and_written_forms(clockwork, tmp_path):
    out = tmp_path / 'speed.json'
    assert speed.main([OURS, SMALL, '--backends', 'eager', 'onnxruntime', '--threads', '1', '--int8', OURS, '--written',
                       '--files', str(tmp_path), '--out', str(out)]) == 0
    found = {(r['name'], r['backend'], r['form'], r['precision']) for r in read(out, 'speed')}
    assert found == {(SMALL, 'eager', 'as published', 'fp32'), (SMALL, 'onnxruntime', 'as published', 'fp32'),
                     (OURS, 'eager', 'deploy', 'fp32'), (OURS, 'eager', 'written', 'fp32'),
                     (OURS, 'onnxruntime', 'deploy', 'fp32'), (OURS, 'onnxruntime', 'written', 'fp32'),
                     (OURS, 'onnxruntime', 'deploy', 'int8')}


def test_a_wrong_file_ends_with_1(clockwork, tmp_path, monkeypatch):
    right = bench.open_candidate

    def wrong(folder, run):
        if folder.system.name == SMALL and run.backend == 'onnxruntime':
            opened.compare(Folder(tmp_path, folder.system), [np.ones((1, 2), np.float32)], run)
        return right(folder, run)

    monkeypatch.setattr(Folder, 'expected', ([np.eye(2, dtype=np.float32)[:1]], [np.eye(2, dtype=np.float32)[1:]]))
    monkeypatch.setattr(Folder, 'rounding', 1e-6)
    monkeypatch.setattr(bench, 'open_candidate', wrong)
    out = tmp_path / 'speed.json'
    assert speed.main([SMALL, '--threads', '1', '--files', str(tmp_path), '--out', str(out)]) == 1
    rows = {r['backend']: r for r in read(out, 'speed')}
    assert 'differ from torch by 1.0e+00' in rows['onnxruntime']['reason'] and rows['openvino']['ms']


@pytest.mark.parametrize('backend, message, kind', [
    ('eager', 'shapes do not fit', RuntimeError), ('eager', "can't allocate memory: 9 bytes", CannotRunError),
    ('compile', 'shapes do not fit', CannotRunError)])
def test_a_network_that_torch_should_run_is_no_excuse(monkeypatch, backend, message, kind):
    def fail(*_):
        raise RuntimeError(message)

    monkeypatch.setattr(opened.nets, 'load', fail)
    folder = SimpleNamespace(system=zoo.find(SMALL), weights='weights.pth')
    with pytest.raises(kind, match=message) as error:
        opened.open_candidate(folder, opened.Run(backend, 'as published', 'fp32', 1, 1))
    assert type(error.value) is kind


def test_what_a_killed_export_left_is_deleted(tmp_path):
    folder = Folder(tmp_path, zoo.find(SMALL))
    (folder.path / 'tmp1').mkdir(parents=True)
    (folder.path / 'tmp1' / 'end2end.onnx').write_bytes(b'half')
    folder.remove()
    assert not folder.path.exists()
    folder.remove()


def test_systems_that_are_chosen():
    def chosen(*words):
        args = argparse.Namespace(names=list(words), int8=[], all=False, family_small=False)
        return [systems[0].name for systems in speed.chosen(args)]

    small = chosen()
    assert chosen(SMALL) == [SMALL]
    assert {SMALL, 'td-hm_mobilenetv2_8xb64-210e_coco-256x192', 'td-hm_hrnet-w32_8xb64-210e_coco-256x192',
            'rtmo-t_8xb32-600e_body7-416x416', 'rtmdet_nano_320-8xb32_coco-person',
            'amfacpose_r18_1xb32-140e_coco-256x192'} <= set(small)
    assert len(small) == len({zoo.find(n).path for n in small})


@pytest.mark.parametrize('options, message', [
    (['--threads', '0'], '--threads'), (['--rounds', '6'], '--rounds'), (['--longest', '0'], '--longest'),
    (['--device', 'cuda:x'], 'allowed: cpu, cuda, cuda:N'), (['--device', 'gpu'], 'allowed: cpu, cuda, cuda:N'),
    (['--seconds', '0'], '--seconds'),
    (['nonsense'], 'nonsense'), (['--device', 'cuda'], 'no such CUDA device')])
def test_mistakes_in_the_call(options, message, monkeypatch):
    import torch
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(AMFACError, match=message):
        speed.main(options)


def test_torch_says_what_it_cannot(tmp_path):
    with pytest.raises(AMFACError, match='needs --device cuda'):
        opened.open_candidate(Folder(tmp_path, zoo.find(SMALL)), opened.Run('graph', 'as published', 'fp32', 1, 1))


def test_the_multiplier_is_told_with_its_reasons(clockwork, tmp_path, monkeypatch):
    assert speed.main([SMALL, '--backends', 'eager', 'onnxruntime', 'tensorrt', '--threads', '1', '--files',
                       str(tmp_path), '--out', str(tmp_path / 'speed.json')]) == 0
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    told = tables.shown('multiplier')
    assert told.startswith(f'On {cpu_name()}, float32:')
    line = told.splitlines()[-1]
    assert line.startswith(f'| {SMALL} | 1 | 1 | 10.0 ms | not measured | 5.0 ms; 2.00 [2.00, 2.00] | not measured | ')
    assert 'not available: TensorRT is not installed' in line


@pytest.mark.slow
def test_one_small_run(tmp_path, monkeypatch):
    """Real files and engines: the rows have everything that a figure needs beside it, and int8."""
    monkeypatch.setattr(bench, 'BASE', SMALL)
    out = tmp_path / 'speed.json'
    assert speed.main([OURS, '--backends', 'eager', 'onnxruntime', '--threads', '1', '--int8', OURS, '--rounds', '7',
                       '--seconds', '60', '--files', str(tmp_path), '--keep', '--out', str(out)]) == 0
    rows = {(r['backend'], r['precision']): r for r in read(out, 'speed')}
    assert len(rows) == 3
    ours = rows['onnxruntime', 'fp32']
    assert ours['difference_from_torch'] < 1e-4 and ours['difference_between_routes'] < 1e-3 and ours['roofline_ms'] > 0
    assert ours['route'] == 'mmdeploy' and ours['provider'] == 'CPUExecutionProvider' and ours['rounds'] == 7
    assert rows['onnxruntime', 'int8']['correlation_with_torch'] > 0.5
    assert rows['onnxruntime', 'int8']['arithmetic'] == 'int8' and ours['arithmetic'] == 'fp32'
    assert rows['eager', 'fp32']['route'] == 'torch' and rows['eager', 'fp32']['difference_from_torch'] < 1e-3
    assert all(len(r['sha256']) == 64 and r['peak_memory_mb'] != 0 for r in rows.values())
    # 1451 M as written
    macs = [sum(layer.macs for layer in roofline.work(p)) for p in tmp_path.glob('*/*/mmdeploy_onnxruntime_b1.onnx')]
    assert sum(value == pytest.approx(1.272e9, rel=1e-3) for value in macs) == 1

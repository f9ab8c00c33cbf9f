"""The calls that build a TensorRT engine, on a stand-in for its package: nothing here can run one."""

import ctypes
import sys
from enum import IntEnum
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mmpose_amfac.deploy import export as module
from mmpose_amfac.deploy import tensorrt
from mmpose_amfac.errors import AMFACError, MissingPackageError


class Recorder:
    """Remembers the calls of all its methods in ``calls``."""

    def __init__(self, calls, **results):
        self._calls, self._results = calls, results

    def __getattr__(self, name):
        def call(*args):
            self._calls.append((name, *args))
            return self._results.get(name)
        return call


def stand_in(version='10.3.0', parses=True, builds=b'engine', old=False):
    """A ``tensorrt`` module and the calls that its objects get; ``old``: TensorRT 8, without types in networks."""
    trt, calls = ModuleType('tensorrt'), []
    trt.__version__ = version
    # torch looks for it
    trt.__spec__ = ModuleSpec('tensorrt', None)
    trt.Logger = type('Logger', (), dict(WARNING=2, ERROR=1, __init__=lambda self, level: None))
    trt.MemoryPoolType = SimpleNamespace(WORKSPACE='workspace')
    kinds = dict(EXPLICIT_BATCH=0) if old else dict(EXPLICIT_BATCH=0, STRONGLY_TYPED=1)
    trt.NetworkDefinitionCreationFlag = IntEnum('NetworkDefinitionCreationFlag', kinds)
    trt.BuilderFlag = IntEnum('BuilderFlag', dict(FP16=0, INT8=1, TF32=7))
    trt.IInt8EntropyCalibrator2 = type('IInt8EntropyCalibrator2', (), {})
    config = Recorder(calls)
    profile = Recorder(calls)
    builder = Recorder(calls, create_network='network', create_builder_config=config,
                       create_optimization_profile=profile, build_serialized_network=builds)
    trt.Builder = lambda logger: builder
    parser = Recorder(calls, parse=parses, get_error='node 3: unsupported')
    parser.num_errors = 0 if parses else 1
    trt.OnnxParser = lambda network, logger: parser
    return trt, calls, config


@pytest.fixture
def network(tmp_path):
    path = tmp_path / 'net.onnx'
    path.write_bytes(b'onnx bytes')
    return path


def build(network, monkeypatch, precision='fp32', batch=None, inputs=None, **how):
    trt, calls, config = stand_in(**how)
    monkeypatch.setitem(sys.modules, 'tensorrt', trt)
    out = network.with_suffix('.engine')
    tensorrt.build(network, out, precision, 'input', (batch, 3, 64, 48), inputs)
    return out, calls, config, trt


def test_dynamic_fp32(network, monkeypatch):
    out, calls, config, trt = build(network, monkeypatch)
    assert out.read_bytes() == b'engine'
    names = [call[0] for call in calls]
    assert names == ['create_network', 'parse', 'create_builder_config', 'set_memory_pool_limit', 'clear_flag',
                     'create_optimization_profile', 'set_shape', 'add_optimization_profile',
                     'build_serialized_network']
    assert calls[0] == ('create_network', 0b11)  # explicit batch, types of the file
    assert calls[1] == ('parse', b'onnx bytes')
    assert ('clear_flag', trt.BuilderFlag.TF32) in calls
    assert ('set_shape', 'input', (1, 3, 64, 48), (8, 3, 64, 48), (64, 3, 64, 48)) in calls
    assert calls[-1] == ('build_serialized_network', 'network', config)


def test_fixed_batch_needs_no_profile(network, monkeypatch):
    _, calls, _, _ = build(network, monkeypatch, batch=4)
    assert 'create_optimization_profile' not in [call[0] for call in calls]


@pytest.mark.parametrize('old', [False, True])
def test_fp16_goes_by_the_types_of_the_file_or_by_the_flag(network, monkeypatch, old):
    _, calls, _, trt = build(network, monkeypatch, 'fp16', old=old)
    assert (('set_flag', trt.BuilderFlag.FP16) in calls) == old
    assert calls[0] == ('create_network', 0b01 if old else 0b11)


@pytest.fixture
def cuda(monkeypatch):
    """A stand-in for CUDA's memory: address 5, and what was copied there."""
    copied = []

    def copy(to, address, size, kind):
        values = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_float)), (size // 4, ))
        copied.append((to, values.copy(), kind))
        return (0, )

    runtime = ModuleType('cuda.bindings.runtime')
    runtime.cudaMalloc = lambda size: (0, 5)
    runtime.cudaMemcpy = copy
    runtime.cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1)
    bindings = ModuleType('cuda.bindings')
    bindings.runtime = runtime
    modules = {'cuda': ModuleType('cuda'), 'cuda.bindings': bindings, 'cuda.bindings.runtime': runtime}
    for name, value in modules.items():
        monkeypatch.setitem(sys.modules, name, value)
    return copied


def test_int8_calibrates_on_the_crops(network, monkeypatch, cuda):
    inputs = np.zeros((19, 3, 64, 48), np.float32)
    _, calls, config, trt = build(network, monkeypatch, 'int8', inputs=inputs)
    assert {('set_flag', trt.BuilderFlag.INT8), ('set_flag', trt.BuilderFlag.FP16)} <= set(
        c for c in calls if c[0] == 'set_flag')
    assert calls[0] == ('create_network', 0b01) and 'set_calibration_profile' in [call[0] for call in calls]
    calibrator = config.int8_calibrator
    assert calibrator.get_batch_size() == 8 and calibrator.read_calibration_cache() is None
    # three batches of 8, the last one filled up, then the end
    assert [calibrator.get_batch(['input']) for _ in range(4)] == [[5], [5], [5], None]
    assert [(to, values.nbytes, kind) for to, values, kind in cuda] == [(5, inputs[:8].nbytes, 1)] * 3
    calibrator.write_calibration_cache(b'')


@pytest.mark.parametrize('batch, count, size, batches', [
    (1, 3, 1, [[0], [1], [2]]), (16, 3, 16, [[i % 3 for i in range(16)]]), (None, 3, 8, [[0, 1, 2, 0, 1, 2, 0, 1]]),
    (2, 3, 2, [[0, 1], [2, 0]])])
def test_calibration_fills_the_batch_that_tensorrt_reads(network, monkeypatch, cuda, batch, count, size, batches):
    inputs = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None, None], (count, 3, 64, 48))
    _, _, config, _ = build(network, monkeypatch, 'int8', batch=batch, inputs=inputs)
    calibrator = config.int8_calibrator
    assert calibrator.get_batch_size() == size
    while calibrator.get_batch(['input']):
        pass
    assert [values.reshape(size, -1)[:, 0].tolist() for _, values, _ in cuda] == batches
    assert all(values.size == size * 3 * 64 * 48 for _, values, _ in cuda)


def test_int8_on_a_version_without_calibrator(network, monkeypatch):
    trt, _, _ = stand_in('11.0.0')
    del trt.IInt8EntropyCalibrator2
    monkeypatch.setitem(sys.modules, 'tensorrt', trt)
    with pytest.raises(AMFACError, match="11.0.0 no longer has: python -m pip install 'tensorrt<11'"):
        tensorrt.build(network, network.with_suffix('.engine'), 'int8', 'input', (1, 3, 64, 48), None)


@pytest.mark.parametrize('how, message', [
    (dict(parses=False), 'TensorRT 10.3.0 does not read the network: node 3: unsupported'),
    (dict(builds=None), 'could not build an engine')])
def test_failures_write_nothing(network, monkeypatch, how, message):
    with pytest.raises(AMFACError, match=message):
        build(network, monkeypatch, **how)
    assert not network.with_suffix('.engine').exists()


def test_cuda_error_and_missing_packages(network, monkeypatch, cuda):
    sys.modules['cuda.bindings.runtime'].cudaMalloc = lambda size: (2, 0)
    with pytest.raises(AMFACError, match='CUDA error 2'):
        build(network, monkeypatch, 'int8', inputs=np.zeros((1, 3, 64, 48), np.float32))
    monkeypatch.setitem(sys.modules, 'cuda.bindings', None)
    with pytest.raises(MissingPackageError, match='pip install cuda-python'):
        build(network, monkeypatch, 'int8', inputs=np.zeros((1, 3, 64, 48), np.float32))
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(MissingPackageError, match='pip install tensorrt'):
        tensorrt.check()


def test_export_hands_over_a_half_precision_network(tmp_path, monkeypatch):
    """The whole way from the weights to the parsed bytes; the check needs a GPU and is left out."""
    onnx = pytest.importorskip('onnx')
    trt, calls, _ = stand_in()
    monkeypatch.setitem(sys.modules, 'tensorrt', trt)
    monkeypatch.setattr(module, 'verify', lambda *_: dict(status='unverified'))
    path, manifest = module.export(out=tmp_path / 'model.engine', backend='tensorrt', precision='fp16',
                                   dynamic_batch=True)
    assert path.read_bytes() == b'engine' and list(manifest.files) == ['model.engine'] and manifest.batch == 0
    parsed, = (call[1] for call in calls if call[0] == 'parse')
    graph = onnx.load_from_string(parsed).graph
    kinds = {tensor.data_type for tensor in graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds and graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert sorted(f.name for f in tmp_path.iterdir()) == ['model.engine', 'model.engine.json']

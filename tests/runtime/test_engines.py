"""Engines: the same numbers everywhere, what is asked for is what runs, and errors of one line."""

import os
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.runtime import openvino_engine
from mmpose_amfac.runtime.engines import open_engine
from mmpose_amfac.runtime.openvino_engine import openvino_core

SHAPE = (3, 32, 24)


def noise(count):
    return np.random.default_rng(count).normal(size=(count, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize('streams', [1, 2])
def test_openvino_computes_in_float32_unless_asked(shared, streams):
    """On CPUs with bfloat16 OpenVINO would take it, and differ by 1e-2."""
    pytest.importorskip('openvino')
    path = shared / 'models' / 'tinypose_128x96_heatmap.onnx'
    batch = np.random.default_rng(0).normal(size=(2, 3, 128, 96)).astype(np.float32)
    engine = open_engine(path, 'openvino', threads=2, streams=streams)
    assert (engine.backend, engine.provider, engine.precision) == ('openvino', 'CPU', 'fp32')
    (expected, ), (own, ) = open_engine(path, threads=1)(batch), engine(batch)
    np.testing.assert_allclose(own, expected, atol=1e-4)


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_other_precisions_are_in_use_or_an_error(simcc_file, precision):
    """Where a CPU lacks one OpenVINO takes another without a word."""
    pytest.importorskip('openvino')
    try:
        assert open_engine(simcc_file, 'openvino', precision=precision).precision == precision
    except AMFACError as error:
        assert f'precision={precision!r} was asked of OpenVINO' in str(error)


class Recorder:
    """OpenVINO's core: what is compiled is listed as (shape of the input, settings), and may tell other properties."""

    def __init__(self, **told):
        self.core, self.told, self.compiled = openvino_core(), told, []

    def __getattr__(self, name):
        return getattr(self.core, name)

    def compile_model(self, model, device, settings):
        self.compiled.append((str(model.input().partial_shape), settings))
        real, told = self.core.compile_model(model, device, settings), self.told
        return types.SimpleNamespace(create_infer_request=real.create_infer_request,
                                     get_property=lambda name: told.get(name) or real.get_property(name))


@pytest.fixture
def recorder(monkeypatch):
    pytest.importorskip('openvino')

    def put(**told):
        core = Recorder(**told)
        monkeypatch.setattr(openvino_engine, 'openvino_core', lambda: core)
        return core

    return put


@pytest.mark.parametrize('told, message', [
    (dict(EXECUTION_DEVICES=['GPU.0']), "device='cpu' was asked of OpenVINO, but GPU.0 is in use"),
    (dict(INFERENCE_PRECISION_HINT=types.SimpleNamespace(get_type_name=lambda: 'bf16')),
     "precision='fp32' was asked of OpenVINO, but bf16 is in use on this CPU")])
def test_openvino_that_takes_another_device_or_precision_is_an_error(simcc_file, recorder, told, message):
    recorder(**told)
    with pytest.raises(AMFACError, match=message) as error:
        open_engine(simcc_file, 'openvino')
    assert '\n' not in str(error.value)


def test_openvino_compiles_once_for_one_crop_and_once_for_more(simcc_file, recorder):
    """With the threads and streams that were asked for."""
    core = recorder()
    engine = open_engine(simcc_file, 'openvino', threads=3, streams=2)
    assert [shape for shape, _ in core.compiled] == ['[1,3,32,24]']
    for count in (1, 2, 5, 1):
        engine(noise(count))
    assert [shape for shape, _ in core.compiled] == ['[1,3,32,24]', '[?,3,32,24]']
    for _, settings in core.compiled:
        assert (settings['INFERENCE_NUM_THREADS'], settings['NUM_STREAMS']) == (3, 2)
    open_engine(simcc_file, 'openvino')
    assert 'INFERENCE_NUM_THREADS' not in core.compiled[-1][1]


@pytest.mark.parametrize('threads, streams, each', [(3, 1, 3), (4, 2, 2), (1, 2, 1), (None, 1, 0)])
def test_threads_of_onnxruntime(simcc_file, threads, streams, each):
    """All calls together have so many; 0 is ONNX Runtime's own choice."""
    options = open_engine(simcc_file, threads=threads, streams=streams).session.get_session_options()
    assert options.intra_op_num_threads == each


FORK = """
import os, sys
import numpy as np
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose

image, boxes = np.zeros((40, 30, 3), np.uint8), [[0, 0, 30, 40]] * 4
estimator = AMFACPose(sys.argv[1], backend=sys.argv[2], threads=2, streams=int(sys.argv[3]), piece=1)
estimator(image, boxes)
child = os.fork()
if not child:
    for call in (lambda: estimator(image, boxes), lambda: estimator.engine(np.zeros((1, 3, 32, 24), np.float32))):
        try:
            call()
        except AMFACError as error:
            print(error, flush=True)
    # opened after the fork it runs
    print(len(AMFACPose(sys.argv[1], threads=2, streams=2, piece=1)(image, boxes)), flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status, len(estimator(image, boxes)))
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.parametrize('backend, streams', [('onnxruntime', 1), ('onnxruntime', 2), ('openvino', 2)])
def test_forked_process_is_told_to_open_the_model_itself(simcc_file, backend, streams):
    """Without the check the call waits for ever for threads that the fork left behind."""
    if backend == 'openvino':
        pytest.importorskip('openvino')
    done = subprocess.run([sys.executable, '-c', FORK, simcc_file, backend, str(streams)], capture_output=True,
                          text=True, timeout=60)
    told = f'{simcc_file} was opened in another process; open it after the fork'
    assert done.stdout.splitlines() == [told, told, '4', '0 4'], done.stderr


def test_description(simcc_file):
    engine = open_engine(simcc_file)
    assert (engine.backend, engine.provider, engine.device) == ('onnxruntime', 'CPUExecutionProvider', 'cpu')
    assert engine.input_name == 'input' and engine.input_shape == (None, *SHAPE)
    assert engine.output_names == ('simcc_x', 'simcc_y') and engine.output_shapes == ((None, 17, 48), (None, 17, 64))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('count', [1, 3, 4, 7])
def test_fixed_batch_is_filled_up_and_cut(tmp_path, make_file, simcc_file, backend, count):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    fixed = make_file(tmp_path / 'fixed.onnx', batch=3)
    for own, expected in zip(open_engine(fixed, backend)(noise(count)), open_engine(simcc_file)(noise(count))):
        assert own.shape == expected.shape
        np.testing.assert_allclose(own, expected, atol=1e-5)


SIGNAL_AFTER_OPENVINO = """
import os, signal, sys, threading
from mmpose_amfac.runtime.engines import open_engine

signal.signal(signal.SIGUSR1, lambda *_: print('handled'))
engines = [open_engine(sys.argv[1], 'openvino')]
thread = threading.Thread(target=engines.clear)
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signal_after_openvino_was_closed_in_another_thread(simcc_file):
    pytest.importorskip('openvino')
    done = subprocess.run([sys.executable, '-c', SIGNAL_AFTER_OPENVINO, simcc_file], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, 'handled\n'), done.stderr


def test_xml_of_openvino(tmp_path, simcc_file):
    openvino = pytest.importorskip('openvino')
    openvino.save_model(openvino_core().read_model(simcc_file), tmp_path / 'm.xml', compress_to_fp16=False)
    engine = open_engine(tmp_path / 'm.xml')
    assert engine.backend == 'openvino'
    for own, expected in zip(engine(noise(2)), open_engine(simcc_file)(noise(2))):
        np.testing.assert_allclose(own, expected, atol=1e-5)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('batch', [np.zeros((1, 3, 32, 20)), np.zeros((0, *SHAPE)), np.zeros(SHAPE)])
def test_wrong_input_is_told(simcc_file, backend, batch):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    with pytest.raises(AMFACError, match=r'takes the input \(any, 3, 32, 24\), got') as error:
        open_engine(simcc_file, backend)(batch)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('change', [lambda data: data[:len(data) // 2], lambda data: b'', lambda data: b'text\n' * 9,
                                    lambda data: b'\x00' * 100], ids=['truncated', 'empty', 'text', 'zeros'])
def test_broken_file_is_one_line(tmp_path, simcc_file, backend, change):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    path = tmp_path / 'broken.onnx'
    path.write_bytes(change(simcc_file.read_bytes()))
    with pytest.raises(AMFACError, match='broken.onnx') as error:
        open_engine(path, backend)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('arguments, message', [
    (dict(backend='onnx'), "backend='onnx' is not known"),
    (dict(device='gpu'), "device='gpu' is not known to ONNX Runtime"),
    (dict(device='cpu:1'), "device='cpu:1'"),
    (dict(backend='openvino', device='moon'), "device='moon' is not among the devices"),
    (dict(threads=0), 'threads=0'),
    (dict(streams=0), 'streams=0'),
    (dict(precision='int4'), "precision='int4'"),
    (dict(precision='bf16'), 'openvino only'),
    (dict(path='none.onnx'), 'none.onnx does not exist'),
    (dict(path=__file__), "has the suffix '.py'"),
])
def test_mistakes_are_one_line(simcc_file, arguments, message):
    if 'openvino' in arguments.values():
        pytest.importorskip('openvino')
    with pytest.raises(AMFACError, match=message) as error:
        open_engine(**dict(path=simcc_file) | arguments)
    assert '\n' not in str(error.value)


def test_readers_of_a_suffix(tmp_path):
    for name, backend in (('m.xml', 'onnxruntime'), ('m.engine', 'openvino')):
        (tmp_path / name).write_bytes(b'x')
        with pytest.raises(AMFACError, match='does not read'):
            open_engine(tmp_path / name, backend)


@pytest.mark.parametrize('backend, device, provider', [
    ('auto', 'cuda', 'CUDAExecutionProvider'), ('tensorrt', 'cuda:1', 'TensorrtExecutionProvider'),
    ('onnxruntime-openvino', 'cpu', 'OpenVINOExecutionProvider')])
def test_provider_that_is_not_in_use_is_an_error(simcc_file, monkeypatch, backend, device, provider):
    import onnxruntime
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: ['CPUExecutionProvider'])
    with pytest.raises(AMFACError, match=f'needs {provider}, which is not in this ONNX Runtime; it has CPU'):
        open_engine(simcc_file, backend, device)

    # listed, but it does not start: ONNX Runtime goes on with the CPU and only warns
    class Fallen:

        def __init__(self, path, options, providers):
            (name, settings), = providers
            on_gpu = name.startswith(('CUDA', 'Tensorrt'))
            assert on_gpu == ('device_id' in settings)
            assert on_gpu or settings['num_of_threads'] == '2'

        def get_providers(self):
            return ['CPUExecutionProvider']

    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [provider, 'CPUExecutionProvider'])
    monkeypatch.setattr(onnxruntime, 'InferenceSession', Fallen)
    with pytest.raises(AMFACError, match=f'needs {provider}, but CPUExecutionProvider is in use'):
        open_engine(simcc_file, backend, device, threads=4, streams=2)


def test_openvino_that_is_missing_names_the_command(simcc_file, monkeypatch):
    # a core that was opened before would be taken
    monkeypatch.setattr(openvino_engine, 'openvino_core', openvino_core.__wrapped__)
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(MissingPackageError, match='python -m pip install openvino'):
        open_engine(simcc_file, 'openvino')


def test_tensorrt_that_is_missing_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    (tmp_path / 'm.engine').write_bytes(b'plan')
    with pytest.raises(MissingPackageError, match='python -m pip install'):
        open_engine(tmp_path / 'm.engine')


class FakeCuda:
    """Device memory that lies in the process; every call returns (status, ...) as the bindings do."""

    class cudaMemcpyKind:
        cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost = 1, 2

    def __init__(self):
        self.blocks, self.freed, self.full = {}, [], False

    def cudaSetDevice(self, number):
        self.device = number
        self.threads = {*getattr(self, 'threads', ()), threading.get_ident()}
        return (0, )

    def cudaStreamCreate(self):
        return 0, 'stream'

    def cudaStreamDestroy(self, stream):
        self.destroyed = stream
        return (0, )

    def cudaStreamSynchronize(self, stream):
        return (0, )

    def cudaMalloc(self, size):
        if self.full:
            return 2, None
        block = np.zeros(size, np.uint8)
        self.blocks[block.ctypes.data] = block
        return 0, block.ctypes.data

    def cudaFree(self, address):
        self.freed.append(address)
        return (0, )

    def cudaMemcpyAsync(self, target, source, size, kind, stream):
        import ctypes
        ctypes.memmove(target, source, size)
        return (0, )


def fake_tensorrt(cuda, readable=True):
    """TensorRT's Python interface with an engine that returns the mean of each crop, of 4 crops at most."""
    module = types.ModuleType('tensorrt')
    module.__version__ = '10.0'
    module.Logger = type('Logger', (), dict(ERROR=1, __init__=lambda self, level: None))
    module.TensorIOMode = types.SimpleNamespace(INPUT='in', OUTPUT='out')
    module.nptype = lambda dtype: dtype
    shapes = {'input': (-1, *SHAPE), 'mean': (-1, 1)}

    class Context:

        def __init__(self):
            self.addresses = {}

        def set_input_shape(self, name, shape):
            self.batch = shape[0]
            return shape[1:] == SHAPE

        def get_tensor_shape(self, name):
            return (self.batch, 1)

        def set_tensor_address(self, name, address):
            self.addresses[name] = address

        def execute_async_v3(self, stream):
            batch = cuda.blocks[self.addresses['input']].view(np.float32)[:self.batch * int(np.prod(SHAPE))]
            out = cuda.blocks[self.addresses['mean']].view(np.float32)
            out[:self.batch] = batch.reshape(self.batch, -1).mean(1)
            return True

    class Plan:
        num_io_tensors = 2
        get_tensor_name = staticmethod(lambda i: list(shapes)[i])
        get_tensor_mode = staticmethod(lambda name: 'in' if name == 'input' else 'out')
        get_tensor_dtype = staticmethod(lambda name: np.float32)
        get_tensor_shape = staticmethod(shapes.get)
        get_tensor_profile_shape = staticmethod(lambda name, profile: [(1, *SHAPE), (2, *SHAPE), (4, *SHAPE)])
        create_execution_context = staticmethod(Context)

    module.Runtime = lambda logger: types.SimpleNamespace(
        deserialize_cuda_engine=lambda data: Plan() if readable else None)
    return module


@pytest.fixture
def tensorrt(monkeypatch):
    """Puts the fakes in the place of the two packages."""

    def put(readable=True):
        cuda = FakeCuda()
        monkeypatch.setitem(sys.modules, 'tensorrt', fake_tensorrt(cuda, readable))
        bindings = types.ModuleType('cuda.bindings')
        bindings.runtime = cuda
        monkeypatch.setitem(sys.modules, 'cuda', types.ModuleType('cuda'))
        monkeypatch.setitem(sys.modules, 'cuda.bindings', bindings)
        return cuda

    return put


def test_tensorrt_engine_copies_there_runs_and_copies_back(tmp_path, tensorrt):
    cuda = tensorrt()
    (tmp_path / 'm.engine').write_bytes(b'plan')
    engine = open_engine(tmp_path / 'm.engine', device='cuda:2')
    assert cuda.device == 2 and (engine.backend, engine.device) == ('tensorrt', 'cuda:2')
    assert engine.input_shape == (None, *SHAPE) and engine.output_names == ('mean', )
    for count in (1, 4, 2, 9):
        (means, ) = engine(noise(count))
        np.testing.assert_allclose(means[:, 0], noise(count).reshape(count, -1).mean(1), atol=1e-5)
    assert len(cuda.freed) == 2, 'buffers grow once for the larger batch and are then used again'
    worker = threading.Thread(target=engine, args=(noise(1), ))
    worker.start()
    worker.join()
    assert len(cuda.threads) == 2, 'the device is chosen in each thread'
    engine.close()
    assert len(cuda.freed) == len(cuda.blocks) == 4 and cuda.destroyed == 'stream'
    with pytest.raises(AMFACError, match='was closed'):
        engine(noise(1))


def test_tensorrt_engine_whose_memory_is_full_goes_on_after_it(tmp_path, tensorrt):
    cuda = tensorrt()
    (tmp_path / 'm.engine').write_bytes(b'plan')
    engine = open_engine(tmp_path / 'm.engine')
    engine(noise(1))
    cuda.full = True
    with pytest.raises(AMFACError, match='cudaMalloc failed: CUDA error 2'):
        engine(noise(4))
    cuda.full = False
    engine(noise(4))
    engine.close()
    assert len(cuda.freed) == len(set(cuda.freed)), 'nothing is freed twice'


def test_streams_of_a_gpu_are_an_error(simcc_file, monkeypatch):
    from mmpose_amfac.runtime import AMFACPose
    from mmpose_amfac.runtime.engines import OnnxRuntimeEngine
    start = OnnxRuntimeEngine.__init__
    monkeypatch.setattr(OnnxRuntimeEngine, '__init__',
                        lambda self, *args: (start(self, *args), setattr(self, 'provider', 'CUDAExecutionProvider'))[0])
    AMFACPose(simcc_file, streams=1)
    with pytest.raises(AMFACError, match='streams=2 is for a CPU; CUDAExecutionProvider runs one batch'):
        AMFACPose(simcc_file, streams=2)


def test_tensorrt_engine_of_another_gpu_is_one_line(tmp_path, tensorrt):
    tensorrt(readable=False)
    (tmp_path / 'm.engine').write_bytes(b'plan')
    with pytest.raises(AMFACError, match='not an engine of TensorRT 10.0 for this GPU'):
        open_engine(tmp_path / 'm.engine')
    with pytest.raises(AMFACError, match="device='tpu'"):
        open_engine(tmp_path / 'm.engine', device='tpu')

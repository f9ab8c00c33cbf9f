"""Engines: a model file opened by ONNX Runtime, OpenVINO or TensorRT, called with one batch.

:func:`open_engine` is the only place where a model file is opened.
"""

import os
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from mmpose_amfac.errors import AMFACError, MissingPackageError, integer, one_of
from mmpose_amfac.packages import install_command

# ONNX Runtime's execution provider where it is not the device that chooses it
_PROVIDERS = {'onnxruntime-tensorrt': 'TensorrtExecutionProvider', 'onnxruntime-openvino': 'OpenVINOExecutionProvider'}
BACKENDS = ('auto', 'onnxruntime', *_PROVIDERS, 'openvino', 'tensorrt')
SUFFIXES = ('.onnx', '.xml', '.engine')
PRECISIONS = ('fp32', 'fp16', 'bf16')


class Engine(ABC):
    """A model file with one input, ready to run.

    Calls may come from as many threads at once as it was opened for, and from the process that opened it: after a fork
    the threads of the engines are gone, and a call would wait for them for ever.

    Attributes:
        backend: ``'onnxruntime'``, ``'openvino'`` or ``'tensorrt'``.
        provider: what really runs it: ONNX Runtime's provider or OpenVINO's device.
        device: ``'cpu'``, ``'cuda:N'``, or OpenVINO's name in lower case.
        precision: of the arithmetic that the engine was told to use, or ``'file'`` where the file alone decides.
        input_name, input_shape: of the input; a length that the file leaves open is None.
        output_names, output_shapes: of the outputs, in the order of the file.
        max_batch: largest batch that the file was built for, or None.
    """

    backend = provider = ''
    device, precision = 'cpu', 'file'
    max_batch = None

    def _describe(self, path, inputs, outputs, kind: str) -> None:
        """Take over (name, shape) of each input and output."""
        self.path, self._process = path, os.getpid()
        if len(inputs) != 1 or not outputs:
            raise AMFACError(f'{kind} file {path} has {len(inputs)} inputs and {len(outputs)} outputs; one input and '
                             'an output are needed')
        (self.input_name, self.input_shape), = inputs
        if not self.input_shape:
            raise AMFACError(f'{kind} file {path} takes a single number as its input; a batch is needed')
        self.output_names, self.output_shapes = zip(*outputs)

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        """One array per output, with a row for each of the batch.

        A batch beyond what the file takes runs in pieces; where the file's batch is fixed, the last piece is filled up
        with zeros.

        Args:
            batch: (n, 3, H, W) float32, n at least 1.

        Raises:
            AMFACError: another shape than the file takes, another process, or the engine fails.
        """
        self.check_process()
        batch = np.ascontiguousarray(batch, np.float32)
        fixed, *wanted = self.input_shape
        if batch.ndim != len(self.input_shape) or not len(batch) or any(
                w not in (None, n) for w, n in zip(wanted, batch.shape[1:])):
            raise AMFACError(f'{self.path} takes the input {told(self.input_shape)}, got {batch.shape}')
        most = fixed or self.max_batch or len(batch)
        results = [self._piece(batch[i:i + most], fixed) for i in range(0, len(batch), most)]
        return results[0] if len(results) == 1 else tuple(map(np.concatenate, zip(*results)))

    def check_process(self) -> None:
        """Raise :class:`AMFACError` in a process that did not open the file."""
        if os.getpid() != self._process:
            raise AMFACError(f'{self.path} was opened in another process; open it after the fork')

    def _piece(self, batch: np.ndarray, fixed: int | None) -> tuple[np.ndarray, ...]:
        missing = (fixed or len(batch)) - len(batch)
        if not missing:
            return self._run(batch)
        filled = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), np.float32)])
        return tuple(out[:len(batch)] for out in self._run(filled))

    @abstractmethod
    def _run(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        """A batch of the size that the file takes, float32 -> its outputs."""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def open_engine(path, backend: str = 'auto', device: str = 'cpu', threads: int | None = None,
                precision: str | None = None, streams: int = 1, kind: str = 'model') -> Engine:
    """Open a model file that has one input.

    Args:
        path: ``.onnx`` (ONNX Runtime or OpenVINO), ``.xml`` with its ``.bin`` (OpenVINO) or ``.engine`` (TensorRT).
        backend: one of ``BACKENDS``; ``'auto'`` takes ONNX Runtime for ``.onnx`` (OpenVINO where only that is
            installed), OpenVINO for ``.xml`` and TensorRT for ``.engine``. ``'tensorrt'`` runs an ``.onnx`` through
            ONNX Runtime's TensorRT provider.
        device: ``'cpu'``, ``'cuda'`` or ``'cuda:N'``; for OpenVINO one of its own names. TensorRT runs on GPUs only and
            takes the first one for the default.
        threads: of the CPU, all calls together; None leaves the choice to the engine.
        precision: ``'fp32'``, ``'fp16'`` or ``'bf16'`` for OpenVINO, which would take bfloat16 by itself on CPUs that
            have it; None is fp32 there. The others compute as the file is written.
        streams: calls that are made at the same time; each gets ``threads / streams`` threads.
        kind: what an error calls the file.

    Raises:
        MissingPackageError: the engine is not installed.
        AMFACError: no such file, a file that the engine does not read, or a device or provider that is not the one in
            use.
    """
    one_of('backend', backend, BACKENDS)
    one_of('precision', precision, (None, *PRECISIONS))
    integer('streams', streams)
    if threads is not None:
        integer('threads', threads)
    path = Path(path)
    if not path.is_file():
        raise AMFACError(f'{kind} file {path} does not exist')
    backend = _backend(path, backend, kind)
    if backend == 'openvino':
        from mmpose_amfac.runtime.openvino_engine import OpenVinoEngine
        return OpenVinoEngine(path, device, threads, precision or 'fp32', streams, kind)
    if precision is not None:
        raise AMFACError(f'precision={precision!r} can be asked of the back end openvino only; {backend} computes as '
                         'the file is written')
    if backend == 'tensorrt':
        from mmpose_amfac.runtime.tensorrt_engine import TensorRTEngine
        return TensorRTEngine(path, device, kind)
    return OnnxRuntimeEngine(path, backend, device, None if threads is None else max(1, threads // streams), kind)


def _backend(path: Path, backend: str, kind: str) -> str:
    suffix = path.suffix.lower()
    readers = {'.onnx': BACKENDS[1:], '.xml': ('openvino', ), '.engine': ('tensorrt', )}.get(suffix)
    if readers is None:
        raise AMFACError(f'{kind} file {path} has the suffix {suffix!r}; allowed: {", ".join(SUFFIXES)}')
    if backend == 'auto':
        return 'openvino' if suffix == '.onnx' and _only_openvino() else readers[0]
    if backend not in readers:
        raise AMFACError(f'backend={backend!r} does not read {suffix} files; allowed for {path.name}: '
                         f'{", ".join(readers)}')
    return 'onnxruntime-tensorrt' if suffix == '.onnx' and backend == 'tensorrt' else backend


def _only_openvino() -> bool:
    from importlib.util import find_spec
    return find_spec('onnxruntime') is None and find_spec('openvino') is not None


class OnnxRuntimeEngine(Engine):
    """An ``.onnx`` file in ONNX Runtime; see :func:`open_engine`."""

    backend = 'onnxruntime'

    def __init__(self, path: Path, backend: str, device: str, threads: int | None, kind: str):
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise MissingPackageError(f'an ONNX {kind} needs ONNX Runtime: {install_command("onnxruntime")}') from None
        provider, settings = _provider(backend, device, threads)
        there = onnxruntime.get_available_providers()
        if provider not in there:
            raise AMFACError(f'backend={backend!r} with device={device!r} needs {provider}, which is not in this ONNX '
                             f'Runtime; it has {", ".join(there)}')
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        # else its threads go on spinning for 40 ms after a call, and take the cores from whatever runs next
        options.add_session_config_entry('session.force_spinning_stop', '1')
        # errors arrive as exceptions
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=[(provider, settings)])
        except Exception as error:  # its exceptions have no common base of their own
            fault = f'does not run in {provider}' if 'device_id' in settings else 'is not a usable ONNX file'
            raise AMFACError(f'{kind} file {path} {fault}: {first_line(error)}') from None
        self.provider = self.session.get_providers()[0]
        if self.provider != provider:
            raise AMFACError(f'backend={backend!r} with device={device!r} needs {provider}, but {self.provider} is in '
                             f'use; available: {", ".join(there)}')
        self.session.disable_fallback()
        if 'device_id' in settings:
            self.device = f'cuda:{settings["device_id"]}'
        self._describe(path, _tensors(self.session.get_inputs()), _tensors(self.session.get_outputs()), kind)

    def _run(self, batch):
        try:
            return tuple(self.session.run(None, {self.input_name: batch}))
        except Exception as error:
            raise AMFACError(f'{self.path} failed in {self.provider}: {first_line(error)}') from None


def _provider(backend: str, device: str, threads: int | None):
    """ONNX Runtime's provider and its settings; only OpenVINO's has its own number of threads."""
    name, _, number = str(device).partition(':')
    if name not in ('cpu', 'cuda') or (number and not (name == 'cuda' and number.isdigit())):
        raise AMFACError(f"device={device!r} is not known to ONNX Runtime; allowed: 'cpu', 'cuda', 'cuda:N'")
    if backend == 'onnxruntime-openvino':
        if name != 'cpu':
            raise AMFACError(f"backend={backend!r} runs on device='cpu' here, not on {device!r}")
        own = {} if threads is None else {'num_of_threads': str(threads)}
        return _PROVIDERS[backend], {'device_type': 'CPU', 'precision': 'FP32', **own}
    cuda = {'device_id': number or '0'}
    if backend == 'onnxruntime-tensorrt':
        # there is no other device for it, so the default is understood
        return _PROVIDERS[backend], cuda
    return ('CUDAExecutionProvider', cuda) if name == 'cuda' else ('CPUExecutionProvider', {})


def _tensors(nodes) -> list[tuple]:
    # a length that the file leaves open is a name or None
    return [(n.name, tuple(d if isinstance(d, int) else None for d in n.shape or ())) for n in nodes]


def first_line(error) -> str:
    """The first line of an exception's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def told(shape) -> str:
    """(None, 3, 256, 192) -> '(any, 3, 256, 192)'."""
    return f'({", ".join("any" if n is None else str(n) for n in shape)})'

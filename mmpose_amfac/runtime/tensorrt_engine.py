"""TensorRTEngine: a serialised ``.engine`` file, run with TensorRT's and CUDA's Python packages.

An engine file holds code for one GPU and one TensorRT version: run only files that you trust.
"""

import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.engines import Engine


class TensorRTEngine(Engine):
    """See :func:`~mmpose_amfac.runtime.engines.open_engine`. One call at a time."""

    backend = provider = 'tensorrt'
    _stream = None

    def __init__(self, path: Path, device: str, kind: str):
        try:
            import tensorrt
            from cuda.bindings import runtime as cuda
        except ModuleNotFoundError as error:
            package = 'tensorrt' if error.name == 'tensorrt' else 'cuda-python'
            raise MissingPackageError(f'a TensorRT {kind} needs {package}: {install_command(package)}') from None
        self._cuda = cuda
        self._buffers, self._lock = {}, threading.Lock()
        # the default of every estimator stands for the only kind of device that there is
        number = '0' if device == 'cpu' else str(device).removeprefix('cuda').removeprefix(':') or '0'
        if not number.isdigit():
            raise AMFACError(f"device={device!r} is not known to TensorRT; allowed: 'cuda', 'cuda:N'")
        self.device, self._number = f'cuda:{number}', int(number)
        self._call(cuda.cudaSetDevice, self._number)
        self._runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            raise AMFACError(f'{kind} file {path} is not an engine of TensorRT {tensorrt.__version__} for this GPU: '
                             'build it here with `amfacpose export --backend tensorrt`')
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        inputs = [n for n in names if self._engine.get_tensor_mode(n) == tensorrt.TensorIOMode.INPUT]
        self._dtypes = {n: np.dtype(tensorrt.nptype(self._engine.get_tensor_dtype(n))) for n in names}
        self._describe(path, [self._tensor(n) for n in inputs], [self._tensor(n) for n in names if n not in inputs],
                       kind)
        self.max_batch = int(self._engine.get_tensor_profile_shape(self.input_name, 0)[2][0])
        self._stream = self._call(cuda.cudaStreamCreate)

    def close(self) -> None:
        """Give the memory of the device back; a call after that is an error."""
        with self._lock:
            stream, self._stream = self._stream, None
            if stream is None:
                return
            self._call(self._cuda.cudaSetDevice, self._number)
            while self._buffers:
                self._call(self._cuda.cudaFree, self._buffers.popitem()[1][0])
            self._call(self._cuda.cudaStreamDestroy, stream)

    def __del__(self):
        # at the end of the process the driver may be gone, and with it the memory
        with suppress(Exception):
            self.close()

    def _run(self, batch):
        batch = np.ascontiguousarray(batch, self._dtypes[self.input_name])
        with self._lock:
            if self._stream is None:
                raise AMFACError(f'{self.path} was closed; open it again')
            # CUDA's current device belongs to the thread
            self._call(self._cuda.cudaSetDevice, self._number)
            return self._execute(batch)

    def _execute(self, batch) -> tuple[np.ndarray, ...]:
        cuda, name = self._cuda, self.input_name
        if not self._context.set_input_shape(name, batch.shape):
            raise AMFACError(f'{self.path} does not take an input of the shape {batch.shape}')
        self._call(cuda.cudaMemcpyAsync, self._buffer(name, batch.nbytes), batch.ctypes.data, batch.nbytes,
                   cuda.cudaMemcpyKind.cudaMemcpyHostToDevice, self._stream)
        self._context.set_tensor_address(name, self._buffer(name, batch.nbytes))
        results = {key: np.empty(tuple(self._context.get_tensor_shape(key)), self._dtypes[key])
                   for key in self.output_names}
        for key, value in results.items():
            self._context.set_tensor_address(key, self._buffer(key, value.nbytes))
        if not self._context.execute_async_v3(self._stream):
            raise AMFACError(f'{self.path} failed in TensorRT')
        for key, value in results.items():
            self._call(cuda.cudaMemcpyAsync, value.ctypes.data, self._buffer(key, value.nbytes), value.nbytes,
                       cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost, self._stream)
        self._call(cuda.cudaStreamSynchronize, self._stream)
        return tuple(value if value.dtype.kind != 'f' else value.astype(np.float32) for value in results.values())

    def _tensor(self, name: str) -> tuple:
        return name, tuple(None if n < 0 else int(n) for n in self._engine.get_tensor_shape(name))

    def _buffer(self, name: str, size: int) -> int:
        """Address of at least ``size`` bytes on the device."""
        address, there = self._buffers.get(name, (0, 0))
        if size > there:
            if address:
                # forgotten first: should the allocation fail, no freed address is left
                del self._buffers[name]
                self._call(self._cuda.cudaFree, address)
            address = self._call(self._cuda.cudaMalloc, size)
            self._buffers[name] = address, size
        return address

    def _call(self, function, *arguments):
        status, *values = function(*arguments)
        if int(status):
            raise AMFACError(f'{function.__name__} failed: CUDA error {int(status)}')
        return values[0] if values else None

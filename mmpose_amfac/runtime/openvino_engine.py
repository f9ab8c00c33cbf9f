"""OpenVinoEngine: an ``.xml`` or ``.onnx`` file in OpenVINO."""

import functools
import queue
import threading
from pathlib import Path

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.engines import Engine

_HINTS = dict(fp32='f32', fp16='f16', bf16='bf16')


@functools.cache
def openvino_core():
    """The process's only ``openvino.Core``, which lives as long as the process.

    The CPU plugin gives the thread that loads it a stack for signal handlers, and on destruction unmaps it and puts the
    one before back. Done in another thread (Python's garbage collection picks any), or for two cores in another order
    than the reverse, that leaves a thread with a stack that is gone, and its next signal ends the process: seen with
    the SIGCHLD handler of PyTorch's data loader and OpenVINO 2026.4.
    """
    try:
        import openvino
    except ModuleNotFoundError:
        raise MissingPackageError(f'backend=openvino needs OpenVINO: {install_command("openvino")}') from None
    return openvino.Core()


class OpenVinoEngine(Engine):
    """See :func:`~mmpose_amfac.runtime.engines.open_engine`.

    A graph whose batch is open is 10 to 20 % slower for a single crop than one that is fixed to a batch of 1, and some
    7 % at 4. So such a file is compiled twice, when first needed: for single crops and for all other batches. Fixing
    each batch would cost a compilation, about half a second, for each.
    """

    backend = 'openvino'

    def __init__(self, path: Path, device: str, threads: int | None, precision: str, streams: int, kind: str):
        core = openvino_core()
        wanted = str(device).upper()
        if wanted not in core.available_devices:
            raise AMFACError(f'device={device!r} is not among the devices of OpenVINO here: '
                             f'{", ".join(d.lower() for d in core.available_devices)}')
        settings = {'INFERENCE_PRECISION_HINT': _HINTS[precision], 'NUM_STREAMS': streams}
        if wanted == 'CPU' and threads is not None:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._compile = lambda model: core.compile_model(model, wanted, settings)
        self._streams, self._lock = streams, threading.Lock()
        # batch that a graph is fixed to, or None -> a request for each stream: it serves one call at a time
        self._requests: dict[int | None, queue.SimpleQueue] = {}
        try:
            self._model = core.read_model(path)
            self._describe(path, _ports(self._model.inputs), _ports(self._model.outputs), kind)
            compiled = self._open(self._batch(1))
        except RuntimeError as error:
            raise AMFACError(f'{kind} file {path} is not a file that OpenVINO runs: {_reason(error)}') from None
        self.provider = ','.join(compiled.get_property('EXECUTION_DEVICES'))
        if self.provider.partition('.')[0] != wanted.partition('.')[0]:
            raise AMFACError(f'device={device!r} was asked of OpenVINO, but {self.provider} is in use')
        used = compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()
        if used != _HINTS[precision]:
            raise AMFACError(f'precision={precision!r} was asked of OpenVINO, but {used} is in use on this '
                             f'{self.provider}')
        self.device, self.precision = wanted.lower(), precision

    def _batch(self, count: int) -> int | None:
        return 1 if count == 1 and self.input_shape[0] is None else None

    def _open(self, batch: int | None):
        """Compile the graph for ``batch``; None takes it as the file has it."""
        model = self._model
        if batch is not None:
            model = model.clone()
            shape = model.input().partial_shape
            shape[0] = batch
            model.reshape(shape)
        compiled = self._compile(model)
        requests = queue.SimpleQueue()
        for _ in range(self._streams):
            requests.put(compiled.create_infer_request())
        self._requests[batch] = requests
        return compiled

    def _run(self, batch):
        key = self._batch(len(batch))
        try:
            with self._lock:
                if key not in self._requests:
                    self._open(key)
            request = self._requests[key].get()
            try:
                results = request.infer([batch], share_inputs=True, share_outputs=True)
                # copies, for the request is used again
                return tuple(results[i].copy() for i in range(len(self.output_names)))
            finally:
                self._requests[key].put(request)
        except RuntimeError as error:
            raise AMFACError(f'{self.path} failed in OpenVINO: {_reason(error)}') from None


def _ports(ports) -> list[tuple]:
    return [(port.get_any_name(), tuple(d.get_length() if d.is_static else None for d in port.partial_shape))
            for port in ports]


def _reason(error) -> str:
    """The last line of an OpenVINO error: the ones before it name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

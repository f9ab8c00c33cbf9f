"""OpenVinoEngine: an ``.xml`` or ``.onnx`` file in OpenVINO."""

import queue
from pathlib import Path

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.engines import Engine

_HINTS = dict(fp32='f32', fp16='f16', bf16='bf16')


class OpenVinoEngine(Engine):
    """See :func:`~mmpose_amfac.runtime.engines.open_engine`."""

    backend = 'openvino'

    def __init__(self, path: Path, device: str, threads: int | None, precision: str, streams: int, kind: str):
        try:
            import openvino
        except ModuleNotFoundError:
            raise MissingPackageError(f'backend=openvino needs OpenVINO: {install_command("openvino")}') from None
        core = openvino.Core()
        wanted = str(device).upper()
        if wanted not in core.available_devices:
            raise AMFACError(f'device={device!r} is not among the devices of OpenVINO here: '
                             f'{", ".join(d.lower() for d in core.available_devices)}')
        settings = {'INFERENCE_PRECISION_HINT': _HINTS[precision], 'NUM_STREAMS': streams}
        if wanted == 'CPU' and threads is not None:
            settings['INFERENCE_NUM_THREADS'] = threads
        try:
            model = core.read_model(path)
            compiled = core.compile_model(model, wanted, settings)
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
        self._describe(path, _ports(model.inputs), _ports(model.outputs), kind)
        # a request serves one call at a time
        self._requests = queue.SimpleQueue()
        for _ in range(streams):
            self._requests.put(compiled.create_infer_request())

    def _run(self, batch):
        request = self._requests.get()
        try:
            results = request.infer([batch], share_inputs=True, share_outputs=True)
            # copies, for the request is used again
            return tuple(results[i].copy() for i in range(len(self.output_names)))
        except RuntimeError as error:
            raise AMFACError(f'{self.path} failed in OpenVINO: {_reason(error)}') from None
        finally:
            self._requests.put(request)


def _ports(ports) -> list[tuple]:
    return [(port.get_any_name(), tuple(d.get_length() if d.is_static else None for d in port.partial_shape))
            for port in ports]


def _reason(error) -> str:
    """The last line of an OpenVINO error: the ones before it name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

"""Lets MMDeploy 1.3 convert to, and run, OpenVINO >= 2025.

Two things that it uses are gone: the command ``mo`` (``RuntimeError: OpenVINO Model Optimizer is not found or
configured improperly``) and ``openvino.inference_engine`` (``ModuleNotFoundError``). Their successors are called
instead, at float32, for OpenVINO's own choice on CPUs is bfloat16 where they have it. No upstream report is known.
"""

import importlib.util
import shutil
from pathlib import Path

from mmpose_amfac.compat.wrapping import wrap_once
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.openvino_engine import openvino_core


def apply_to_converter(onnx2openvino) -> None:
    """Convert in ``mmdeploy.backend.openvino.onnx2openvino`` without the command that is gone."""
    if not shutil.which('mo') and not shutil.which('mo.py'):
        wrap_once(onnx2openvino, 'from_onnx', _from_onnx)


def apply_to_wrapper(wrapper) -> None:
    """Run ``mmdeploy.backend.openvino.wrapper`` on the present interface."""
    if importlib.util.find_spec('openvino.inference_engine') is None:
        wrap_once(wrapper.OpenVINOWrapper, '__init__', _init)
        wrap_once(wrapper.OpenVINOWrapper, 'forward', _forward)


def _from_onnx(wrapped, instance, args, kwargs):
    return _convert(*args, **kwargs)


def _convert(onnx_model, output_file_prefix, input_info, output_names, mo_options=None):
    import openvino

    if mo_options is not None and mo_options.get_options().strip():
        raise AMFACError('backend_config.mo_options are those of the command mo, which this OpenVINO does not have; '
                         'take them out')
    model = openvino.convert_model(onnx_model)
    model.reshape({name: openvino.PartialShape(list(shape)) for name, shape in input_info.items()})
    name = Path(onnx_model).stem if isinstance(onnx_model, str) else 'end2end'
    openvino.save_model(model, str(Path(output_file_prefix) / f'{name}.xml'), compress_to_fp16=False)


def _init(wrapped, instance, args, kwargs):
    _open(instance, *args, **kwargs)


def _open(instance, ir_model_file, output_names=None, **_):
    from mmdeploy.backend.base import BaseWrapper

    model = openvino_core().compile_model(str(ir_model_file), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    BaseWrapper.__init__(instance, output_names or [output.get_any_name() for output in model.outputs])
    instance.sess = model


def _forward(wrapped, instance, args, kwargs):
    import torch

    inputs = args[0] if args else kwargs['inputs']
    found = instance.sess({name: value.cpu().contiguous().numpy() for name, value in inputs.items()})
    return {name: torch.from_numpy(found[name].copy()) for name in instance.output_names}

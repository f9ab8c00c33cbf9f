"""Trained weights -> one file for an inference engine, with its manifest, checked against torch."""

import copy
import os
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mmpose_amfac import geometry
from mmpose_amfac.deploy import half, tensorrt, torchscript
from mmpose_amfac.deploy.fuse import switch_to_deploy
from mmpose_amfac.deploy.onnx_file import INPUT, OPSET, OPSETS, OUTPUTS, checked_operators, write_onnx
from mmpose_amfac.deploy.places import make_folder
from mmpose_amfac.deploy.quantize import quantize
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.trained import TrainedModel
from mmpose_amfac.deploy.verify import verify, version
from mmpose_amfac.errors import AMFACError, MissingPackageError, integer, one_of
from mmpose_amfac.manifest import BACKENDS, SUFFIXES, Manifest
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.openvino_engine import openvino_core


class Format(NamedTuple):
    """One back end.

    Args:
        suffix: of its file.
        packages: modules that writing needs.
        mish: precision -> form of the activation (:mod:`mmpose_amfac.deploy.mish`) that the engine runs fastest;
            ``'sigmoid'``, which suits any, where none is named.
        steps: precision -> function (ONNX file, normalised crops) that changes the float32 file in place, or None.
        write: function (:class:`_Job`, ONNX file, target); None where the target is the ONNX file itself.
    """

    suffix: str
    packages: tuple[str, ...]
    mish: dict[str, str]
    steps: dict[str, Callable | None]
    write: Callable | None = None


class _Job(NamedTuple):
    """What the writers of a file need to know."""

    precision: str
    # (batch, 3, H, W); a batch of None is dynamic
    input_shape: tuple
    # (n, 3, H, W) float32, to calibrate with
    inputs: object


def _openvino(job, onnx_file, target) -> None:
    import openvino
    # reading is all that convert_model does with an ONNX file, apart from telemetry; its compression would round
    # biases too, which costs more than it saves
    openvino.save_model(openvino_core().read_model(onnx_file), target, compress_to_fp16=False)


def _tensorrt(job, onnx_file, target) -> None:
    tensorrt.build(onnx_file, target, job.precision, INPUT, job.input_shape, job.inputs)


def _half(onnx_file, inputs) -> None:
    half.half_arithmetic(onnx_file)


def _half_storage(onnx_file, inputs) -> None:
    half.half_storage(onnx_file)


def _int8(onnx_file, inputs) -> None:
    quantize(onnx_file, inputs, chained=True)


FORMATS = {
    'onnx': Format(SUFFIXES['onnx'], ('onnx', 'onnxruntime'), {}, dict(fp32=None, fp16=_half, int8=_int8)),
    'onnxruntime': Format(SUFFIXES['onnxruntime'], ('onnx', 'onnxruntime'), dict(fp32='negated', int8='negated'),
                          dict(fp32=None, fp16=_half, int8=_int8)),
    # weights alone: whether it computes in float16 is decided where it runs
    'openvino': Format(SUFFIXES['openvino'], ('onnx', 'openvino'), dict(fp32='native', fp16='native', int8='native'),
                       dict(fp32=None, fp16=_half_storage, int8=quantize), _openvino),
    'tensorrt': Format(SUFFIXES['tensorrt'], ('onnx', 'onnxruntime'), {}, dict(fp32=None, fp16=_half, int8=None),
                       _tensorrt),
    'torchscript': Format(SUFFIXES['torchscript'], (), dict(fp32='native'), dict(fp32=None)),
}


def export(config='amfacpose', weights=None, out=None, backend: str = 'onnxruntime', precision: str = 'fp32',
           dynamic_batch: bool = False, batch: int = 1, opset: int = OPSET, half_weights: bool = False, images=None,
           ann=None, image_root=None) -> tuple[Path, Manifest]:
    """Write a model file and its manifest, and verify it.

    The graph takes ``input`` (batch, 3, H, W) float32, normalised, and ends in the peak-normalised vectors ``simcc_x``
    (batch, K, Bx) and ``simcc_y`` (batch, K, By). It is written to a temporary folder beside the target and moved when
    it is verified. A file that fails is kept, with the status ``'rejected'`` in its manifest; runtimes refuse it.

    Args:
        config: name or alias of a packaged model, or a config file.
        weights: checkpoint; may be left out for a packaged model. It must fit in full.
        out: target; by default MODEL_BACKEND_PRECISION with the back end's suffix in the current folder.
        backend: ``'onnx'`` (any engine), ``'onnxruntime'``, ``'openvino'``, ``'tensorrt'`` or ``'torchscript'``.
        precision: ``'fp32'``, ``'fp16'`` or ``'int8'``, as far as the back end has it.
        dynamic_batch: any batch (TensorRT: 1 to 64) instead of ``batch``.
        batch: fixed batch size.
        opset: ONNX operator set, 13 to 20.
        half_weights: store the weights of an ONNX file in float16 and compute in float32: half the size.
        images, ann, image_root: crops to verify (and calibrate) with, see
            :func:`~mmpose_amfac.deploy.samples.samples`.

    Returns:
        the file and its manifest.

    Raises:
        AMFACError: an argument outside these values, weights that do not fit, or a target that cannot be written.
        MissingPackageError: the back end's package is not installed.
    """
    form = _form(backend, precision, half_weights)
    integer('batch', batch)
    one_of('opset', opset, OPSETS)
    if dynamic_batch and batch != 1:
        raise AMFACError(f'batch={batch} and dynamic_batch exclude each other')
    if out is not None:
        out = _target(out, form.suffix)
    source = TrainedModel(config, weights)
    if out is None:
        out = _target(f'{source.name}_{backend}_{precision}{form.suffix}', form.suffix)
    crops = samples(source.input_size, source.padding, images, ann, image_root)
    crops.check(len(source.estimator.skeleton))
    network, rewrites = deployable(source.estimator.model, backend, precision)
    width, height = source.input_size
    job = _Job(precision, (None if dynamic_batch else batch, 3, height, width),
               geometry.normalise(crops.crops, source.channel_order, source.mean, source.std))
    with tempfile.TemporaryDirectory(prefix='.amfacpose-', dir=out.parent) as folder:
        path = Path(folder) / out.name
        operators = _write(form, backend, job, network, path, opset, half_weights)
        # what is opened comes first
        names = sorted((f.name for f in Path(folder).iterdir()), key=out.name.__ne__)
        manifest = Manifest(
            model=source.name, files=dict.fromkeys(names),
            skeleton=source.estimator.skeleton, input_size=source.input_size, outputs=OUTPUTS, decode=source.decode,
            backend=backend, precision=precision, input_name=INPUT, batch=0 if dynamic_batch else batch,
            channel_order=source.channel_order, mean=source.mean, std=source.std, padding=source.padding,
            opset=None if backend == 'torchscript' else opset,
            source=dict(**source.described(), applied=rewrites.applied, skipped=rewrites.skipped, operators=operators,
                        half_weights=half_weights),
            versions=_versions(form, backend))
        manifest.verification = verify(path, manifest, crops, source.estimator)
        manifest.write(path)
        # the manifest last: until then the sha256 of an older one do not fit
        for name in (*names, manifest.path_of(out).name):
            (Path(folder) / name).replace(out.parent / name)
    return out, manifest


def deployable(model, backend: str, precision: str):
    """The network to be written, as a module images -> vectors, and the rewrites that were applied and skipped.

    Args:
        model: the trained MMPose estimator; it is copied.
        backend, precision: choose the form of Mish.

    Returns:
        the module and a :class:`~mmpose_amfac.deploy.fuse.Report`.
    """
    import torch

    class Network(torch.nn.Module):

        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            head = self.model.head
            return head.vectors(self.model.extract_feat(x))

    model = copy.deepcopy(model).cpu().eval()
    report = switch_to_deploy(model, FORMATS[backend].mish.get(precision, 'sigmoid'))
    return Network(model).eval(), report


def _write(form: Format, backend: str, job: _Job, network, path: Path, opset: int, half_weights: bool) -> list[str]:
    """Write the file and return the names of its ONNX operators."""
    import torch
    example = torch.zeros(job.input_shape[0] or 2, *job.input_shape[1:])
    if backend == 'torchscript':
        torchscript.write(network, example, path)
        return []
    onnx_file = path if form.write is None else path.with_suffix('.onnx')
    write_onnx(network, example, onnx_file, opset, job.input_shape[0] is None)
    if form.steps[job.precision] is not None:
        form.steps[job.precision](onnx_file, job.inputs)
    if half_weights:
        half.half_storage(onnx_file)
    operators = checked_operators(onnx_file)
    if form.write is not None:
        form.write(job, onnx_file, path)
        onnx_file.unlink()
    return operators


def _form(backend: str, precision: str, half_weights: bool) -> Format:
    one_of('backend', backend, BACKENDS)
    form = FORMATS[backend]
    if precision not in form.steps:
        raise AMFACError(f'precision={precision!r} is not available for backend={backend!r}; available: '
                         f'{", ".join(form.steps)}')
    if half_weights and (form.suffix != '.onnx' or precision != 'fp32'):
        raise AMFACError('half_weights belongs to the back ends onnx and onnxruntime with precision=fp32')
    if backend == 'tensorrt':
        tensorrt.check()
    for package in form.packages:
        if find_spec(package) is None:
            raise MissingPackageError(f'backend={backend} needs {package}: {install_command(package)}')
    return form


def _target(out, suffix: str) -> Path:
    path = Path(out)
    if os.path.isdir(path):
        raise AMFACError(f'--out {path} is a folder; give a file, e.g. {path / f"amfacpose{suffix}"}')
    if path.suffix != suffix:
        raise AMFACError(f'--out {path} must end in {suffix}')
    make_folder(f'--out {path}', path.parent, Manifest.path_of(path).name)
    return path


def _versions(form: Format, backend: str) -> dict:
    names = ('mmpose_amfac', 'torch', 'mmpose', *form.packages, *(['tensorrt'] if backend == 'tensorrt' else []))
    return {name: version(name) for name in names}

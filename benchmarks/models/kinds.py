"""What a model on a command line is, before it is opened: its kind, options, weights, settings and environment."""

import hashlib
from pathlib import Path

from benchmarks import zoo
from benchmarks.models.movenet import is_movenet
from benchmarks.record import environment
from benchmarks.results import CannotRunError
from benchmarks.scoring.poses_file import beside_of
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime.contract import model_file, packaged
from mmpose_amfac.runtime.engines import SUFFIXES, open_engine

# options that a kind of model takes; --weights is for all systems of a call
OPTIONS = dict(results=(), movenet=('flip', ), file=('flip', 'manifest', 'backend', 'device'),
               config=('flip', 'device', 'checkpoint'), system=('flip', 'device', 'checkpoint'))
_SCORING = ('numpy', 'pycocotools')
# modules that make the figures of a kind of model
_MODULES = dict(results=_SCORING, file=(*_SCORING, 'cv2', 'onnxruntime', 'openvino', 'tensorrt'),
                config=(*_SCORING, 'cv2', 'torch', 'mmpose', 'mmcv'))
_MODULES['system'] = _MODULES['config']


def kind_of(model: str, checkpoint=None) -> str:
    """``'results'``, ``'file'``, ``'config'`` or ``'system'``, by what the name looks like.

    Raises:
        AMFACError: no such file or system, or a checkpoint where none belongs or where one is needed.
    """
    kind = _kind(model)
    if checkpoint and kind in ('results', 'file'):
        raise AMFACError(f'--checkpoint belongs to a system of MMPose or a CONFIG.py, not to {model}')
    if checkpoint and not Path(checkpoint).is_file():
        raise AMFACError(f'--checkpoint {checkpoint} does not exist')
    if kind == 'config' and not checkpoint:
        raise AMFACError(f'config {model} needs its weights: --checkpoint FILE.pth')
    return kind


def _kind(model: str) -> str:
    suffix = Path(model).suffix.lower()
    if suffix in SUFFIXES or suffix in ('.json', '.py'):
        if not Path(model).is_file():
            raise AMFACError(f'{model} does not exist')
        return {'.json': 'results', '.py': 'config'}.get(suffix, 'file')
    if model.lower() in packaged():
        return 'file'
    if zoo.find(model).paradigm == 'detector':
        raise AMFACError(f'{model} is a person detector; its boxes go into --boxes')
    return 'system'


def check_options(model: str, options: dict) -> None:
    """Raise AMFACError where a model does not take an option that is given.

    Args:
        model: the file or name.
        options: by their names, those of ``OPTIONS``; what is not given is None, False or ``'auto'``.
    """
    given = [name for name, value in options.items() if value not in (None, False, 'auto')]
    kind = kind_of(model, options.get('checkpoint'))
    if kind == 'file' and set(given) - set(OPTIONS['movenet']) and _movenet(model_file(model)):
        kind = 'movenet'
    for name in given:
        if name not in OPTIONS[kind]:
            told = dict(results='the results of another model', movenet='a MoveNet file, which has one way to run',
                        file='a model file').get(kind, 'a network of MMPose, which torch runs')
            raise AMFACError(f'--{name} is nothing for {model}, {told}')


def _movenet(path: Path) -> bool:
    try:
        return path.suffix.lower() == '.onnx' and is_movenet(open_engine(path, threads=1))
    except AMFACError:
        # opened again when its turn comes, it gets a row that says why
        return False


def takes_boxes(model: str, checkpoint=None) -> bool:
    """Whether a model is given the boxes of the persons."""
    kind = kind_of(model, checkpoint)
    if kind in ('results', 'file'):
        return kind == 'file'
    return zoo.load_config(system_of(model)).model.type == 'TopdownPoseEstimator'


def settings_of(model: str, checkpoint=None, manifest=None) -> str:
    """sha256 of what decides, beside the weights, how a model is run: manifests, the whole config, or a protocol."""
    kind, digest = kind_of(model, checkpoint), hashlib.sha256()
    if kind in ('config', 'system'):
        return zoo.config_digest(system_of(model))
    beside = beside_of(model) if kind == 'results' else Manifest.path_of(model_file(model))
    for path in (beside, manifest):
        digest.update(b'-' if path is None or not Path(path).is_file() else Path(path).read_bytes())
    return digest.hexdigest()


def environment_of(model: str, checkpoint=None, device=None, backend: str = 'auto') -> dict:
    """What the figures of a model come from: device, versions, commit."""
    kind = kind_of(model, checkpoint)
    if kind == 'file' and device is None:
        device = 'cuda' if 'tensorrt' in backend or model.endswith('.engine') else 'cpu'
    return environment(*_MODULES[kind], device=None if kind == 'results' else _graphics(device))


def _graphics(device: str | None) -> str | None:
    """Name of the GPU that computes, or None; torch takes the first one where none is asked for."""
    if device is not None and device.lower() == 'cpu':
        return None
    try:
        import torch
        count = torch.cuda.device_count()
    except ModuleNotFoundError:
        count = 0
    index = (device or '').partition(':')[2]
    index = int(index) if index.isdigit() else 0
    # one that is not there, or not CUDA's, is called as it was asked for
    return torch.cuda.get_device_name(index) if index < count else device


def system_of(model: str) -> zoo.System:
    """A system of the zoo, or a CONFIG.py as one."""
    return zoo.of_config(model) if model.endswith('.py') else zoo.find(model)


def weights_of(model: str, checkpoint=None, folder=None) -> Path:
    """The file that decides what a model gives: the model file, the checkpoint or the results.

    Raises:
        CannotRunError: published weights that are neither here nor can be fetched.
    """
    kind = kind_of(model, checkpoint)
    if kind == 'results':
        return Path(model)
    if kind == 'file':
        return model_file(model)
    if checkpoint:
        return Path(checkpoint)
    try:
        return zoo.weights(zoo.find(model), folder)
    except AMFACError as error:
        raise CannotRunError(str(error)) from None

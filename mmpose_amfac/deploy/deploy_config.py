"""MMDeploy's deploy configs, and the input sizes that they share with model configs."""

import copy
from pathlib import Path

from mmpose_amfac.deploy.places import is_file
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.paths import mim_root

_NEEDED = ('onnx_config', 'codebase_config', 'backend_config')


def load(path):
    """Read a deploy config, from a file or by the name of one of ours; one that is read already is copied.

    Raises:
        AMFACError: no such file, or a config of another kind.
    """
    from mmengine.config import Config
    if isinstance(path, Config):
        return copy.deepcopy(path)
    config = Config.fromfile(_find(path, 'deploy', 'deploy config'))
    missing = [name for name in _NEEDED if name not in config]
    if missing:
        raise AMFACError(f'{path} is not a deploy config: it has no {", ".join(missing)}')
    task = config.codebase_config.get('task')
    if task not in ('PoseDetection', 'ObjectDetection'):
        raise AMFACError(f'{path}: codebase_config.task={task!r} is not known; allowed: PoseDetection, ObjectDetection')
    return config


def load_model(path):
    """Read a model config: a file, the name of one of ours, or ``PACKAGE::NAME`` of an installed package of OpenMMLab.

    Raises:
        AMFACError: no such config, or one without a model.
    """
    config = _read_model(path)
    model = config.get('model')
    if not isinstance(model, dict) or 'type' not in model or 'backbone' not in model:
        raise AMFACError(f'{path} is not a model config: it has no model.type and model.backbone')
    return config


def _read_model(path):
    from mmengine.config import Config
    if '::' in str(path):
        from mmengine.hub import get_config
        try:
            return get_config(str(path))
        except Exception as error:
            # plain Exception is what the hub raises
            raise AMFACError(f'model config {path} is not in the installed package: {error}') from None
    return Config.fromfile(_find(path, '*', 'model config'))


def _find(path, family: str, what: str) -> Path:
    """A file, or the one of that name among the configs that are installed."""
    if is_file(path):
        return Path(path)
    found = [file for file in (mim_root() / 'configs').glob(f'{family}/*.py') if file.name == str(path)]
    if not found:
        raise AMFACError(f'{what} {path} does not exist, here or in {mim_root() / "configs"}')
    return found[0]


def is_pose(deploy) -> bool:
    return deploy.codebase_config.task == 'PoseDetection'


def finds_people(model) -> bool:
    """A pose model that takes whole pictures and ends in NMS: RTMO and YOLOX-Pose."""
    return model.model.get('head', {}).get('type') in ('RTMOHead', 'YOLOXPoseHead')


def input_size(model) -> tuple[int, int]:
    """(width, height) of a pose model's input, pixels."""
    if finds_people(model):
        # its codec may name the size that it was trained with
        for step in model.test_dataloader.dataset.pipeline:
            if step.type == 'BottomupResize':
                return tuple(step.input_size)
        raise AMFACError('the test pipeline of the model config has no BottomupResize, which tells the input size')
    codec = model.get('codec') or model.model.get('head', {}).get('decoder')
    codec = codec[-1] if isinstance(codec, (list, tuple)) else codec
    if not codec or 'input_size' not in codec:
        raise AMFACError('the model config has no codec.input_size; it is not a pose model that is converted here')
    return tuple(codec['input_size'])


def fit(deploy, model, deploy_name, model_name) -> None:
    """Put a pose model's input size wherever a deploy config leaves it open (``input_shape=None``).

    Raises:
        AMFACError: the deploy config is for the other task, or for another size.
    """
    kind, people = model.model.type, finds_people(model)
    if is_pose(deploy) != (kind == 'TopdownPoseEstimator' or people):
        raise AMFACError(f'{deploy_name} is for {deploy.codebase_config.task}, but {model_name} is a {kind}; allowed: '
                         'TopdownPoseEstimator, RTMO and YOLOX-Pose for PoseDetection, detectors of MMDetection for '
                         'ObjectDetection')
    if is_pose(deploy) and people != ('post_processing' in deploy.codebase_config):
        raise AMFACError(f'{deploy_name} does not suit {model_name}: models that find people themselves (RTMO, '
                         'YOLOX-Pose) take pose-detection_one-stage_BACKEND_...py, and no other models do')
    if not is_pose(deploy):
        return
    size = input_size(model)
    wanted = deploy.onnx_config.get('input_shape')
    if wanted is not None and tuple(wanted) != size:
        raise AMFACError(f'{deploy_name} is for the input size {tuple(wanted)} (width, height), {model_name} has '
                         f'{size}; take the deploy config without a size in its name')
    deploy.onnx_config.input_shape = list(size)
    for inputs in deploy.backend_config.get('model_inputs', ()):
        for shapes in (inputs.get('opt_shapes') or {}, *(inputs.get('input_shapes') or {}).values()):
            for name, shape in shapes.items():
                shapes[name] = [*shape[:2], size[1], size[0]]

"""Conversion by MMDeploy, checked against torch: pose models and detectors, of MMPose, MMDetection and ours."""

import copy
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmpose_amfac.deploy import deploy_config as configs
from mmpose_amfac.deploy.places import is_file, make_folder
from mmpose_amfac.deploy.settle import settle
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.packages import install_command

CHECK = 'check.json'
# what it opens its engines with
TENSORRT = ("an NVIDIA GPU and TensorRT 8, as MMDeploy 1.3.1 does not open engines of later versions: python -m pip "
            "install 'tensorrt<9'")
# all that a run may leave
_SDK = ('deploy.json', 'pipeline.json', 'detail.json')
_SUFFIXES = ('.onnx', '.xml', '.bin', '.engine')
# what MMDeploy and torch raise on models and configs that do not suit each other
_FAILURES = (RuntimeError, AssertionError, ValueError, TypeError, LookupError, AttributeError, ImportError, OSError)


@dataclass
class Conversion:
    """What was written and how it compares.

    Args:
        files: the back end's files; their names end in ``.rejected`` where they failed.
        report: ``status`` (``'passed'``, ``'rejected'``, ``'unverified'``), ``reasons`` and figures; also in
            ``check.json``.
    """

    files: list[Path]
    report: dict


def convert(deploy_config, model_config, checkpoint, work_dir, images=None, device: str = 'cpu', sdk: bool = False,
            random_weights: bool = False, compare: bool = True) -> Conversion:
    """Convert a model and compare the result with it. Nothing half-written appears in ``work_dir``.

    Args:
        deploy_config: one of ``configs/deploy``, one of MMDeploy's, or an MMEngine config read from it.
        model_config: a config file, or a name such as ``mmpose::body_2d_keypoint/...`` of an installed package.
        checkpoint: weights; they must fit.
        work_dir: folder for the files.
        images: folder of pictures to compare on; by default photographs that scikit-image installs.
        device: ``'cpu'``, or ``'cuda:0'`` for TensorRT.
        sdk: also write what MMDeploy's SDK reads (``deploy.json``, ``pipeline.json``, ``detail.json``).
        random_weights: for measuring speed: the checkpoint holds random weights, of any detector too, or is None and
            weights of seed 0 are drawn. Boxes are compared but never judged; ``check.json`` says so.
        compare: False where the caller compares the file itself: the status is ``'unverified'``.

    Raises:
        MissingPackageError: MMDeploy or the back end is not installed.
        AMFACError: no such config, another input size than the deploy config's, weights that do not fit, or a step of
            MMDeploy that fails.
    """
    if checkpoint is None and not random_weights:
        raise AMFACError('give either a checkpoint or --random-weights')
    try:
        from mmdeploy.apis import torch2onnx
        from mmdeploy.apis.utils import to_backend
        from mmdeploy.backend.base import get_backend_manager
        from mmdeploy.backend.sdk.export_info import export2SDK
        from mmdeploy.utils import get_backend
    except ModuleNotFoundError as error:
        raise MissingPackageError(f'conversion needs {error.name}: {install_command(error.name)}') from None

    if checkpoint is not None and '://' not in str(checkpoint) and not is_file(checkpoint):
        raise AMFACError(f'checkpoint {checkpoint} does not exist')
    deploy, model = configs.load(deploy_config), configs.load_model(model_config)
    configs.fit(deploy, model, deploy_config, model_config)
    backend = get_backend(deploy).value
    _available(backend, get_backend_manager(backend), device)
    work_dir = Path(work_dir)
    make_folder(f'--work-dir {work_dir}', work_dir)
    with tempfile.TemporaryDirectory(prefix='.convert-', dir=work_dir) as folder:
        with _told(f'{model_config} cannot be built'):
            source = _reference(deploy, model, checkpoint, images, device, Path(folder), random_weights)
        save_file = deploy.onnx_config.save_file
        with _told(f'{model_config} cannot be exported with {deploy_config}'):
            torch2onnx(source.example, folder, save_file, deploy, model, source.checkpoint, device)
        files = [str(Path(folder, save_file))]
        if backend != 'onnxruntime':
            with _told(f'{backend} cannot convert {model_config}'):
                _calibrate(deploy, model, source.checkpoint, folder, device)
                files = list(to_backend(backend, files, work_dir=folder, deploy_cfg=deploy, device=device))
        report = source.uncompared()
        if compare:
            with _told(f'{backend} cannot run its file'):
                report = source.compare(files)
        if sdk:
            with _told('the files of the SDK cannot be written'):
                export2SDK(deploy, model, folder, str(checkpoint or ''), device)
        report |= dict(backend=backend, deploy_config=Path(deploy.filename).name, model_config=str(model_config),
                       checkpoint='random' if checkpoint is None else str(checkpoint), random_weights=random_weights)
        return _deliver(Path(folder), work_dir, [Path(f).name for f in files], report)


def told(report: dict) -> list[str]:
    """The figures in lines for a person."""
    lines = []
    if 'max_px' in report:
        what, why = (f'{report["compared"]} of {report["joints"]} joints', 'no clear best bin') \
            if 'joints' in report else (f'{report["boxes"]} boxes', 'no counterpart')
        lines.append(f'against torch: max {report["max_px"]:.2g} px of the network input '
                     f'({_limit(report["limit_px"], " px")}) over {what}; {report["left_out"]:.1%} left out ({why})')
        lines.append(f'scores: max {report["score_max"]:.2g} ({_limit(report["score_limit"])})')
        if 'score_mean' in report:
            lines[-1] += f', mean {report["score_mean"]:.2g} ({_limit(report["score_mean_limit"])})'
    if 'raw_max' in report:
        lines.append(f'outputs: max {report["raw_max"]:.2g} of the largest value ({_limit(report["raw_limit"])})')
    return [*lines, *(f'rejected: {reason}' for reason in report['reasons']),
            f'{report["status"]} on {report["samples"]}, {report["backend"]} {report["precision"]}']


def _limit(value: float | None, unit: str = '') -> str:
    return 'no limit' if value is None else f'limit {value:.2g}{unit}'


def _reference(deploy, model_config, checkpoint, images, device: str, folder: Path, random: bool):
    """The model with its weights, before any rewrite, as something to compare with."""
    import torch
    from mmdeploy.apis.utils import build_task_processor
    from mmengine.registry import init_default_scope

    from mmpose_amfac.apis.detectors import MMDetDetector
    from mmpose_amfac.apis.weights import load_weights
    from mmpose_amfac.deploy.reference_boxes import BoxReference
    from mmpose_amfac.deploy.reference_people import PeopleReference
    from mmpose_amfac.deploy.reference_pose import PoseReference

    # MMDeploy keeps the scope of the first model that a process converts
    init_default_scope(model_config.get('default_scope', 'mmengine'))
    task = build_task_processor(model_config, deploy, device)
    as_trained = copy.deepcopy(deploy)
    as_trained.codebase_config.fuse = False
    torch.manual_seed(0)
    kind = PoseReference if configs.is_pose(deploy) else BoxReference
    if configs.finds_people(model_config):
        # the task would switch RTMO to a form that no checkpoint fits
        from mmpose.registry import MODELS
        kind, model = PeopleReference, MODELS.build(copy.deepcopy(model_config.model)).to(device).eval()
    else:
        model = build_task_processor(model_config, as_trained, device).build_pytorch_model(None)
    if checkpoint is None:
        found = kind(deploy, task, model, images, folder / 'random.pth', True)
        settle(model, lambda: model._forward(found.inputs()))
        torch.save(dict(state_dict=model.state_dict()), found.checkpoint)
        return found
    if configs.is_pose(deploy) or random:
        load_weights(model, checkpoint, model_config.filename)
    else:
        # loads strictly, and refuses a model that does not find persons
        model = MMDetDetector(model_config.filename, checkpoint, device).model
    return kind(deploy, task, model, images, checkpoint, random)


def _available(backend: str, manager, device: str) -> None:
    if backend == 'tensorrt' and not device.startswith('cuda'):
        raise AMFACError(f'device={device!r} is wrong for TensorRT; it needs --device cuda:0')
    if backend == 'openvino' and device != 'cpu':
        raise AMFACError(f'device={device!r} is wrong for OpenVINO; leave --device at cpu')
    if not manager.is_available():
        remedy = TENSORRT if backend == 'tensorrt' else f'{backend}: {install_command(backend)}'
        raise MissingPackageError(f'this deploy config needs {remedy}')


def _calibrate(deploy, model, checkpoint, folder, device) -> None:
    from mmdeploy.apis import create_calib_input_data
    from mmdeploy.utils import get_calib_filename
    name = get_calib_filename(deploy)
    if name:
        create_calib_input_data(str(Path(folder, name)), deploy, model, checkpoint, dataset_type='val', device=device)


def _deliver(folder: Path, work_dir: Path, names: list[str], report: dict) -> Conversion:
    # OpenVINO's second file
    names = [*names, *(Path(n).with_suffix('.bin').name for n in names if n.endswith('.xml'))]
    report['sha256'] = {name: sha256(folder / name) for name in names}
    ending = '.rejected' if report['status'] == 'rejected' else ''
    # nothing of an earlier run, of any back end, may stand beside the new verdict
    stem = Path(names[0]).stem
    written = {*names, *_SDK, *(f'{stem}{suffix}' for suffix in _SUFFIXES)}
    for name in written:
        for old in (work_dir / name, work_dir / f'{name}.rejected'):
            old.unlink(missing_ok=True)
    for name in names:
        (folder / name).replace(work_dir / f'{name}{ending}')
    if not ending:
        # what the SDK reads, and the ONNX file that another back end's was made of
        for other in (*folder.glob('*.json'), *folder.glob('*.onnx')):
            other.replace(work_dir / other.name)
    write_json(work_dir / CHECK, report)
    return Conversion([work_dir / f'{name}{ending}' for name in names], report)


@contextmanager
def _told(what: str):
    """What fails inside becomes one line that starts with ``what``."""
    try:
        yield
    except AMFACError:
        raise
    except _FAILURES as error:
        line = next((line for line in str(error).splitlines() if line.strip()), 'no reason was given')
        raise AMFACError(f'{what}: {type(error).__name__}: {line.strip()[:300]}') from error

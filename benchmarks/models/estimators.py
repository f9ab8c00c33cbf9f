"""Any model of the comparison as pictures -> COCO key point results: model files, MoveNet, and MMPose's networks."""

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks import zoo
from benchmarks.models.kinds import kind_of, system_of, weights_of
from benchmarks.models.movenet import MoveNet, is_movenet
from benchmarks.results import CannotRunError
from mmpose_amfac.files import sha256
from mmpose_amfac.memory import keep_memory
from mmpose_amfac.poses import SCORED_JOINT
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.engines import open_engine, usable_cores
from mmpose_amfac.runtime.topdown import TopDown

BATCH = 32


@dataclass
class Estimator:
    """An opened model.

    Attributes:
        model: its name in a table.
        file: the weights.
        predict: pictures, their ids, boxes (n, 4) and scores (n,) of each -> COCO results.
        sigmas: OKS constants; empty where the file does not tell.
        joints: how many.
        takes_boxes: False for networks that find the persons themselves.
        protocol: the part of a protocol that the model decides.
        run: what else a row tells of it.
    """

    model: str
    file: Path
    predict: object
    sigmas: tuple
    joints: int
    takes_boxes: bool
    protocol: dict
    run: dict


def open_estimator(model: str, category: int, *, flip=False, checkpoint=None, weights=None, manifest=None,
                   backend='auto', device=None, threads=None) -> Estimator:
    """Open what :func:`kind_of` calls a file, a config or a system.

    Args:
        model: the file or name.
        category: category id of the results.
        flip: average with the mirrored picture.
        checkpoint: weights of a system or config.
        weights: folder of published weights.
        manifest, backend, device, threads: see :class:`~mmpose_amfac.runtime.AMFACPose`.

    Raises:
        CannotRunError: see there.
        AMFACError: a broken file, weights of another model, or a device that is not there.
    """
    threads = usable_cores() if threads is None else threads
    if kind_of(model, checkpoint) == 'file':
        return _file(weights_of(model), category, flip, manifest, backend, device, threads)
    from mmengine.utils.dl_utils import mmcv_full_available
    system = system_of(model)
    if system.needs_operators and not mmcv_full_available():
        raise CannotRunError(f'{system.name} needs the operator {system.needs_operators} of a compiled mmcv')
    path = weights_of(model, checkpoint, weights)
    # weights of the caller are not those that were published under this name
    name = f'{system.name}@{sha256(path)[:8]}' if checkpoint and system.name in zoo.systems() else system.name
    return _torch(system, name, path, category, flip, device, threads)


def _file(path: Path, category, flip, manifest, backend, device, threads) -> Estimator:
    if path.suffix.lower() == '.onnx' and is_movenet(open_engine(path, threads=1)):
        if flip:
            raise CannotRunError(f'{path.name}: MoveNet has no flip test, it gives joints and not maps')
        model, precision = MoveNet(path, threads), 'as the file is written'
        name, more = path.stem, dict(padding=model.padding, channel_order='rgb')
    else:
        model = AMFACPose(path, None, backend, device or 'cpu', threads, BATCH, manifest=manifest, flip=flip)
        made = model.manifest
        name, precision = made.model, f'{made.precision}, arithmetic: {model.engine.precision}'
        more = dict(padding=made.padding, decode=made.decode, channel_order=made.channel_order)
    engine = model.engine
    return _top_down(
        model, name, path, category, _versioned(engine.backend), precision,
        dict(provider=engine.provider, threads=model.threads, batch=model.batch_size, input=list(model.input_size),
             **more))


def _versioned(module: str) -> str:
    """A back end and its version, whatever the distribution is called (onnxruntime, onnxruntime-gpu)."""
    return f'{module} {import_module(module).__version__.partition("-")[0]}'


def _top_down(model: TopDown, name, path, category, backend, precision, run) -> Estimator:

    def predict(pictures, ids, boxes, scores):
        poses = model(pictures, boxes, scores)
        return [result for image_id, found in zip(ids, poses) for result in found.to_coco(image_id, category)]

    return Estimator(name, path, predict, model.skeleton.sigmas, model.num_keypoints, True, dict(
        flip_test=model.flip, score_mode='bbox_keypoint', keypoint_score_thr=SCORED_JOINT, nms_mode='none',
        backend=backend, precision=precision), run)


def _torch(system, name, checkpoint, category, flip, device, threads) -> Estimator:
    import torch
    torch.set_num_threads(threads)
    keep_memory()
    cfg = zoo.load_config(system)
    backend = f'torch {torch.__version__}'
    if (cfg.model.get('head') or {}).get('type') == 'AMFACHead':
        from mmpose_amfac.apis import TorchEstimator
        model = TorchEstimator(str(zoo.config_file(system)), checkpoint, device, BATCH, flip)
        return _top_down(model, name, checkpoint, category, backend, 'fp32', dict(
            provider=str(model.device), threads=threads, batch=BATCH, input=list(model.input_size),
            padding=model.padding))
    from benchmarks.models.mmpose_model import MMPoseModel
    model = MMPoseModel(system, cfg, checkpoint, flip, device)
    return Estimator(name, checkpoint, partial(model.predict, category=category), model.sigmas,
                     len(model.sigmas), model.top_down, dict(
                         flip_test=flip, score_mode=model.score_mode, keypoint_score_thr=model.score_thr,
                         nms_mode=model.nms, backend=backend, precision='fp32'),
                     dict(provider=str(model.device), threads=threads, batch=BATCH if model.top_down else 1,
                          input=list(system.input_size)))

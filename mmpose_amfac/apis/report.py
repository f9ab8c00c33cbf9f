"""What an accuracy figure rests on, written beside it."""

import json
import platform
import re
import subprocess
from pathlib import Path

from mmpose_amfac import __version__
from mmpose_amfac.files import sha256
from mmpose_amfac.paths import PACKAGE, mim_root

# flag of Linux -> what it is called, the widest first
_VECTORS = dict(amx_bf16='AMX', avx512_bf16='AVX-512 bf16', avx512f='AVX-512', avx2='AVX2')


def commit() -> str | None:
    """Commit of the checkout that the package runs from, with ``-dirty`` where code differs; None outside one.

    Result files and pages are no code: writing the first of several figures does not make the others doubtful.
    """
    root = PACKAGE.parent
    if mim_root() != root:
        return None
    head = _git(root, 'rev-parse', '--short=12', 'HEAD')
    changed = _git(root, 'status', '--porcelain', '--untracked-files=no', '--', '.',
                   ':(exclude)benchmarks/results', ':(exclude,glob)**/*.md')
    if not head or changed is None:
        return None
    return f'{head}-dirty' if changed else head


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(['git', *arguments], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def cpu_name(cpuinfo: Path = Path('/proc/cpuinfo')) -> str:
    """Model name of the processor.

    On Linux with its family, model and widest vectors, e.g. ``CPU (AMD EPYC, family 25 model 1, AVX2)``: hosts of
    virtual machines call processors by one name whose times have little in common.
    """
    if not cpuinfo.is_file():
        return f'CPU ({platform.processor() or platform.machine()})'
    # of the first core
    known = dict(re.findall(r'^([^:\n]+?)\s*:[ \t]*(.*)$', cpuinfo.read_text().split('\n\n')[0], re.MULTILINE))
    flags = known.get('flags', '').split()
    vectors = next((name for flag, name in _VECTORS.items() if flag in flags), None)
    family = f'family {known["cpu family"]} model {known["model"]}' if {'cpu family', 'model'} <= known.keys() else None
    name = known.get('model name', platform.machine())
    return f'CPU ({", ".join(filter(None, (name, family, vectors)))})'


def protocol(cfg, dataset) -> dict:
    """Pictures, boxes and scoring rules of a test; null where the config has none.

    Args:
        cfg: the config to be run.
        dataset: its test data set.
    """
    from mmpose_amfac.engine.protocol_hook import box_files
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    coco = next((e for e in evaluators if e.type == 'CocoMetric'), {})
    annotations = coco.get('ann_file') or getattr(dataset, 'ann_file', None)
    files = box_files(dataset)
    nms = coco.get('nms_mode', 'oks_nms') if coco else None
    return dict(
        annotations=Path(annotations).name if annotations else None,
        annotations_sha256=sha256(annotations) if annotations else None,
        images=len(json.loads(Path(annotations).read_text(encoding='utf-8'))['images']) if annotations else None,
        persons=len(dataset),
        boxes=dict(source='detector', files=[Path(f).name for f in files], sha256=[sha256(f) for f in files]) if files
        else dict(source='ground truth'),
        flip_test=bool((cfg.model.get('test_cfg') or {}).get('flip_test', False)),
        evaluators=[e.type for e in evaluators],
        iou_type=coco.get('iou_type', 'keypoints') if coco else None,
        use_area=coco.get('use_area', True) if coco else None,
        score_mode=coco.get('score_mode', 'bbox_keypoint') if coco else None,
        keypoint_score_thr=coco.get('keypoint_score_thr', 0.2) if coco else None,
        nms_mode=nms,
        nms_thr=coco.get('nms_thr', 0.9) if nms and nms != 'none' else None)


def average_precision(report: dict, name: str = 'AP') -> float:
    """One of CocoMetric's figures in a report, whatever its prefix (``coco/AP``, ``crowdpose/AP``)."""
    return next(value for key, value in report['metrics'].items() if key.rpartition('/')[2] == name)


def accuracy_report(cfg, metrics: dict, rules: dict, checkpoint, device: str) -> dict:
    """Metrics of one evaluation with everything needed to judge and repeat it.

    Args:
        cfg: the config that was run.
        metrics: what ``Runner.test`` returned.
        rules: what :func:`protocol` returned.
        checkpoint: weights file.
        device: name of the processor or GPU.
    """
    import mmpose
    import torch

    codec = cfg.get('codec') or {}
    return dict(
        metrics={k: float(v) for k, v in metrics.items() if not isinstance(v, str)},
        protocol=rules,
        model=dict(
            config=Path(cfg.filename).name,
            input_size=list(codec.get('input_size', ())),
            decode_window=codec.get('window', 0),
            weights=Path(checkpoint).name,
            weights_sha256=sha256(checkpoint)),
        environment=dict(
            backend=f'torch {torch.__version__}',
            precision='float32',
            device=device,
            threads=torch.get_num_threads(),
            mmpose=mmpose.__version__,
            mmpose_amfac=__version__,
            python=platform.python_version(),
            commit=commit()))

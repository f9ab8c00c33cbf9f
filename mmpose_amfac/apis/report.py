"""What an accuracy figure rests on, written beside it."""

import json
import platform
import subprocess
from pathlib import Path

from mmpose_amfac import __version__
from mmpose_amfac.files import sha256


def commit_of(folder) -> str | None:
    """Commit of the checkout that holds ``folder``, with ``-dirty`` where files differ; None outside one."""
    try:
        done = subprocess.run(['git', 'describe', '--always', '--dirty', '--abbrev=12'], cwd=folder,
                              capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def cpu_name() -> str:
    """Model name of the processor."""
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                return f'CPU ({line.split(":", 1)[1].strip()})'
    return f'CPU ({platform.processor() or platform.machine()})'


def accuracy_report(cfg, metrics: dict, dataset, checkpoint, device: str) -> dict:
    """Metrics of one evaluation with everything needed to judge and repeat it.

    Args:
        cfg: the config that was run.
        metrics: what ``Runner.test`` returned.
        dataset: its test data set.
        checkpoint: weights file.
        device: ``'cpu'`` or a GPU's name.
    """
    import mmpose
    import torch

    evaluator = cfg.test_evaluator[0] if isinstance(cfg.test_evaluator, list) else cfg.test_evaluator
    annotations = Path(evaluator.ann_file)
    boxes = dataset.bbox_file
    return dict(
        metrics={k: float(v) for k, v in metrics.items() if not isinstance(v, str)},
        protocol=dict(
            annotations=annotations.name,
            annotations_sha256=sha256(annotations),
            images=len(json.loads(annotations.read_text(encoding='utf-8'))['images']),
            boxes=dict(source='detector', file=Path(boxes).name, sha256=sha256(boxes)) if boxes else dict(
                source='ground truth'),
            persons=len(dataset),
            flip_test=bool((cfg.model.get('test_cfg') or {}).get('flip_test', False)),
            score='mean of key point scores above 0.2, times box score',
            nms=evaluator.get('nms_mode', 'oks_nms'),
            nms_threshold=evaluator.get('nms_thr', 0.9)),
        model=dict(
            config=Path(cfg.filename).name,
            input_size=list(cfg.codec.input_size),
            decode_window=cfg.codec.get('window', 0),
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
            commit=commit_of(Path(__file__).parent)))

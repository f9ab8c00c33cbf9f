"""Fit the scores of an AMFACPose to be chances of being right, and write the config that has them.

    python -m benchmarks.calibrate CONFIG.py --checkpoint W.pth --ann A.json --images DIR --out CALIBRATED.py

A joint is right where its share in COCO's OKS is 0.5 or more, as ``python -m benchmarks.calibration`` counts it. For
each joint a logistic function of the logarithm of its score is fitted by maximum likelihood; a joint with fewer than
200 labels, or that is always or never right, gets the one of all joints. CALIBRATED.py has CONFIG.py as its base and
belongs to these weights alone: exported files have the function in their graph. Fit on pictures that nothing is
evaluated on, and better on none that the weights were trained on. It is fitted without a flip test, which averages
vectors that have it already.

Exit code 0: written; 2: the call was wrong.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.calibration import reliability
from benchmarks.scoring import joints
from benchmarks.scoring.poses_file import names_of
from benchmarks.scoring.task import Task, add_options
from benchmarks.scoring.trials import open_trial
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import atomic_path, sha256

BINS, FEWEST, SMALLEST = 15, 200, 1e-6


def fit(scores, right) -> np.ndarray:
    """Slope (above 0) and offset of the logistic function of ln(score).

    Args:
        scores: (n,) in [0, 1].
        right: (n,) whether the joint is right.
    """
    logs, right = np.log(np.clip(scores, SMALLEST, 1)), np.asarray(right, float)

    def loss(line):
        logits = line[0] * logs + line[1]
        slopes = 1 / (1 + np.exp(-logits)) - right
        return np.mean(np.logaddexp(0, logits) - right * logits), np.array([np.mean(slopes * logs), slopes.mean()])

    return minimize(loss, [1.0, 0.0], jac=True, method='L-BFGS-B', bounds=[(1e-3, None), (None, None)]).x


def calibrated(scores, line) -> np.ndarray:
    """What the head makes of scores: :func:`mmpose_amfac.models.layers.peak_normalise`."""
    return 1 / (1 + np.exp(-(line[..., 0] * np.log(np.clip(scores, SMALLEST, 1)) + line[..., 1])))


def fit_joints(scores, right, labelled) -> np.ndarray:
    """(K, 2): slope and offset of each joint.

    Args:
        scores, right, labelled: (n, K); only labelled joints count.
    """
    whole = fit(scores[labelled], right[labelled])
    lines = []
    for score, hit, known in zip(scores.T, right.T, labelled.T):
        enough = known.sum() >= FEWEST and 0 < hit[known].mean() < 1
        lines.append(fit(score[known], hit[known]) if enough else whole)
    return np.stack(lines)


def text(base: Path, out: Path, weights, task: Task, lines, figures: str) -> str:
    """The config."""
    slope, offset = (', '.join(f'{value:.4f}' for value in column) for column in lines.T)
    return f"""# Scores as chances that a joint is right (OKS of 0.5 or more), for the weights with the sha256
# {sha256(weights)}. Written by
# python -m benchmarks.calibrate {base.name} --ann {task.args.ann}
# {figures}
_base_ = './{Path(os.path.relpath(base, out.parent)).as_posix()}'

model = dict(
    head=dict(
        calibration=dict(
            slope=[{slope}],
            offset=[{offset}])))
"""


def main(argv=None) -> int:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', metavar='CONFIG.py')
    parser.add_argument('--out', required=True, metavar='CALIBRATED.py')
    add_options(parser)
    parser.set_defaults(boxes='gt')
    args = parser.parse_args(argv)
    if not args.checkpoint:
        raise AMFACError('--checkpoint: give the weights whose scores are to be fitted')
    if args.flip:
        raise AMFACError('--flip: scores are fitted to single pictures; a flip test averages vectors that are fitted')
    base, out = Path(args.config), Path(args.out)
    _check(base, out)
    task = Task(args, [args.config])
    trial = open_trial(task, args.config)
    found = joints.triples(trial.predict(desc=base.stem))
    values = joints.similarities(found[..., :2], trial.people, trial.sigmas)
    scores, labelled, right = found[..., 2], ~np.isnan(values), values >= joints.FOUND
    lines = fit_joints(scores, right, labelled)
    sources = np.repeat([[person.source] for person in trial.people], len(names_of(task.content)), axis=1)[labelled]
    before, after = (reliability(value[labelled], right[labelled], sources, BINS)['ece']
                     for value in (scores, calibrated(scores, lines)))
    figures = f'{labelled.sum():,} joints of {len(trial.people):,} persons; their ECE {before:.3f}, now {after:.3f}'
    with atomic_path(out) as temporary:
        temporary.write_text(text(base, out, args.checkpoint, task, lines, figures), encoding='utf-8')
    print(f'{out}: {figures}')
    return 0


def _check(base: Path, out: Path) -> None:
    from mmengine.config import Config
    if base.resolve() == out.resolve():
        raise AMFACError(f'--out {out} is CONFIG.py itself, which the new config needs as its base')
    head = (Config.fromfile(base).get('model') or {}).get('head') or {}
    if head.get('type') != 'AMFACHead':
        raise AMFACError(f'{base} has no AMFACHead: its scores cannot be fitted')
    if head.get('calibration') is not None:
        raise AMFACError(f'{base} has fitted scores: give the config that it has as its base')


if __name__ == '__main__':
    with one_line_errors('benchmarks.calibrate'):
        sys.exit(main())

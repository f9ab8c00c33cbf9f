"""Key point AP of models on COCO-style pictures, each with its whole protocol.

    python -m benchmarks.accuracy MODEL [MODEL ...] --ann A.json --images DIR --boxes gt|DETECTOR.onnx|BOXES.json
        [--flip] [--pictures FIELD=VALUE] [--out FILE.json]

MODEL is a model file of the runtime or a packaged name, a MoveNet ONNX file, a system of ``python -m benchmarks.zoo``
or a CONFIG.py (both with their checkpoint, through MMPose), or a COCO key point results JSON, which is scored as it is.
Pictures with CrowdPose's crowd index are evaluated by its rules. Networks that need no boxes leave --boxes alone; an
option that a MODEL does not take is refused. MMPose's networks are ranked, and poses on one another dropped, by the
rules of their configs; model files keep all poses.

The 95 % interval is a bootstrap over source pictures; a resample without persons is left out. A row that the file has
is measured again where weights, settings, pictures, versions or the device are others, or where it has no figures.
Exit code 0: each model has a row, with figures or, where weights, operators or a flip test are missing, with the
reason; 1: one failed, and its row says why; 2: the call was wrong.
"""

import argparse
import sys

from benchmarks.results import CannotRunError, Results
from benchmarks.scoring.coco_ap import KeypointScores
from benchmarks.scoring.poses_file import write_poses
from benchmarks.scoring.task import RESAMPLES, Task, add_options, failed, interval
from mmpose_amfac.errors import AMFACError, one_line_errors


def measure(task: Task, model: str, poses_out=None) -> dict:
    """The row of a model, without its id and environment."""
    return scored(task, *task.results(model), poses_out)


def scored(task: Task, results: list[dict], row: dict, sigmas, poses_out=None) -> dict:
    """``row`` with the figures of results, which are written with their protocol to ``poses_out``."""
    scores = KeypointScores(task.content, results, sigmas)
    if poses_out:
        write_poses(poses_out, results, row)
    return dict(row, metrics=scores.metrics, interval=interval('AP', scores.resample(RESAMPLES), len(scores.useful)))


def add_boxes(parser) -> None:
    """Add ``--boxes``."""
    parser.add_argument('--boxes', metavar='gt|DETECTOR.onnx|BOXES.json',
                        help='boxes of the annotated persons, of an RTMDet file, or COCO detection results')


def main(argv=None) -> int:
    """Print or write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='+', metavar='MODEL')
    add_boxes(parser)
    add_options(parser)
    parser.add_argument('--poses-out', metavar='FILE.json', help='write the poses of the one MODEL')
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    args = parser.parse_args(argv)
    if len(args.models) > 1 and args.poses_out:
        raise AMFACError(f'--poses-out belongs to one MODEL, {len(args.models)} are given')
    task, results, wrong = Task(args, args.models), Results(args.out, 'accuracy'), 0
    ids = {model: task.id_of(model) for model in args.models}
    for model, id in ids.items():
        now = task.environment(model)
        row = results[id] if results.has_figures(id, now) else None
        if row is None or args.poses_out or task.digest(model) not in (None, row['sha256']):
            try:
                row = measure(task, model, args.poses_out)
            except Exception as error:
                wrong += not isinstance(error, CannotRunError)
                row = failed(model, error)
            results.add({'id': id, **row, 'environment': now})
        print(told(row))
    return 1 if wrong else 0


def told(row: dict) -> str:
    """A row in one line."""
    if 'reason' in row:
        return f'{row["model"]}: no figure, {row["reason"]}'
    (low, high), metrics = row['interval']['bounds'], row['metrics']
    figures = ', '.join(f'{key} {"-" if value is None else f"{value:.3f}"}' for key, value in metrics.items())
    return f'{row["model"]}: {figures}; AP {metrics["AP"]:.4f} (95 %: {low:.3f} to {high:.3f}), ' \
           f'{row["protocol"]["poses"]} poses of {row["protocol"]["persons"]} persons'


if __name__ == '__main__':
    with one_line_errors('benchmarks.accuracy'):
        sys.exit(main())

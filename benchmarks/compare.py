"""Which of two models is the better one: the difference of their AP on the same pictures, with a paired interval.

    python -m benchmarks.compare A B --ann A.json --images DIR --boxes gt|DETECTOR.onnx|BOXES.json [--out FILE.json]

A and B are models as in ``python -m benchmarks.accuracy``, or what its ``--poses-out`` wrote, which is the way to
compare settings (the options here hold for both). The bootstrap draws the same source pictures for both; p is
two-sided, twice the share of resamples on the other side of zero. Poses of other pictures or boxes are not compared; a
network that finds the persons itself is compared with others in any boxes, and how poses are ranked belongs to a model,
like its flip test. Exit code 0: compared; 2: the call was wrong, or one of the two cannot be run.
"""

import argparse
import sys

import numpy as np

from benchmarks.accuracy import add_boxes
from benchmarks.results import Results
from benchmarks.scoring.coco_ap import KeypointScores, resample
from benchmarks.scoring.task import RESAMPLES, Task, add_options, interval
from mmpose_amfac.errors import AMFACError, one_line_errors

# what two figures must share; flip test, back end, precision, ranking and NMS belong to the model
SHARED = ('annotations_sha256', 'pictures', 'boxes', 'iou_type', 'use_area')


def measure(task: Task, models) -> dict:
    """The row of two models, without its id.

    Raises:
        AMFACError: a model that cannot be run, or figures of different protocols.
    """
    found = [task.results(model) for model in models]
    a, b = (row['protocol'] for _, row, _ in found)
    free = any(protocol['boxes']['source'] == 'none' for protocol in (a, b))
    for key in SHARED:
        if a[key] != b[key] and not (key == 'boxes' and free):
            raise AMFACError(f'{models[0]} and {models[1]} have different protocols: {key} is {a[key]!r} and {b[key]!r}'
                             '; make both by python -m benchmarks.accuracy with --poses-out and the same options')
    if tuple(found[0][2]) != tuple(found[1][2]):
        raise AMFACError(f'{models[0]} and {models[1]} have different OKS constants')
    scores = [KeypointScores(task.content, results, sigmas) for results, _, sigmas in found]
    groups = np.union1d(*(s.useful for s in scores))
    drawn = resample(lambda chosen: scores[0].ap(chosen) - scores[1].ap(chosen), groups, RESAMPLES)
    sides = [dict(model=row['model'], file=row['file'], sha256=row['sha256'], AP=s.metrics['AP'],
                  protocol=row['protocol']) for (_, row, _), s in zip(found, scores)]
    return dict(a=sides[0], b=sides[1], difference=sides[0]['AP'] - sides[1]['AP'],
                interval=interval('difference of AP', drawn, len(groups)), share=float(np.mean(drawn[1] > 0)),
                p=two_sided(drawn[1]))


def both(a: dict, b: dict) -> dict:
    """The environment of two models; that of a results file has only what scores it."""
    first = max((a, b), key=lambda one: len(one['versions']))
    return dict(first, versions={**b['versions'], **a['versions']})


def two_sided(values) -> float:
    """p of a bootstrap: never 0, for the next resample might lie on the other side."""
    other = min(np.sum(values <= 0), np.sum(values >= 0))
    return float(min(1, 2 * (other + 1) / (len(values) + 1)))


def main(argv=None) -> int:
    """Print or write the row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs=2, metavar='MODEL', help='A and B')
    add_boxes(parser)
    add_options(parser)
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the row is only shown')
    args = parser.parse_args(argv)
    task, results = Task(args, args.models), Results(args.out, 'compare')
    id, now = ' against '.join(map(task.id_of, args.models)), both(*map(task.environment, args.models))
    row = results[id] if results.has_figures(id, now) else None
    if row is None or [row['a']['sha256'], row['b']['sha256']] != list(map(task.digest, args.models)):
        row = measure(task, args.models)
        results.add({'id': id, **row, 'environment': now})
    low, high = row['interval']['bounds']
    print(f'{row["a"]["model"]} {row["a"]["AP"]:.4f} - {row["b"]["model"]} {row["b"]["AP"]:.4f} = '
          f'{row["difference"]:+.4f} (95 %: {low:+.3f} to {high:+.3f}); the first is better in {row["share"]:.1%} of '
          f'the resamples, p = {row["p"]:.3f}')
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.compare'):
        sys.exit(main())

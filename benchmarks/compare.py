"""Which of two models is the better one: the difference of their AP on the same pictures, with a paired interval.

    python -m benchmarks.compare A B --ann A.json --images DIR --boxes gt|DETECTOR.onnx|BOXES.json [--out FILE.json]

A and B are models as in ``python -m benchmarks.accuracy``, or what its ``--poses-out`` wrote, which is the way to
compare settings (the options here hold for both). The bootstrap draws the same source pictures for both; p is
two-sided, twice the share of resamples on the other side of zero. Poses of other pictures, boxes or scoring rules are
not compared. Exit code 0: compared; 2: the call was wrong, or one of the two cannot be run.
"""

import argparse
import sys

import numpy as np

from benchmarks.accuracy import RESAMPLES, Task, add_options, interval
from benchmarks.record import environment
from benchmarks.results import Results
from benchmarks.scoring.coco_ap import KeypointScores, resample
from mmpose_amfac.errors import AMFACError, one_line_errors

# what two figures must share; the flip test, the back end and its precision belong to the model
SHARED = ('annotations_sha256', 'pictures', 'boxes', 'iou_type', 'use_area', 'score_mode', 'keypoint_score_thr',
          'nms_mode')


def measure(task: Task, models) -> dict:
    """The row of two models, without its id.

    Raises:
        AMFACError: a model that cannot be run, or figures of different protocols.
    """
    found = [task.results(model) for model in models]
    (a, b), sigmas = (row['protocol'] for _, row, _, _ in found), [tuple(entry[2]) for entry in found]
    for key in SHARED:
        if a[key] != b[key]:
            raise AMFACError(f'{models[0]} and {models[1]} have different protocols: {key} is {a[key]!r} and {b[key]!r}'
                             '; make both by python -m benchmarks.accuracy with --poses-out and the same options')
    if sigmas[0] != sigmas[1]:
        raise AMFACError(f'{models[0]} and {models[1]} have different OKS constants')
    scores = [KeypointScores(task.content, results, sigmas[0]) for results, *_ in found]

    def difference(groups):
        return scores[0].ap(groups) - scores[1].ap(groups)

    bounds, values = resample(difference, len(scores[0].groups), RESAMPLES)
    sides = [dict(model=row['model'], file=row['file'], sha256=row['sha256'], AP=s.metrics['AP'],
                  protocol=row['protocol']) for (_, row, _, _), s in zip(found, scores)]
    return dict(a=sides[0], b=sides[1], difference=sides[0]['AP'] - sides[1]['AP'],
                interval=interval('difference of AP', bounds, scores[0]), share=float(np.mean(values > 0)),
                p=two_sided(values), environment=environment(*sorted({name for entry in found for name in entry[3]})))


def two_sided(values) -> float:
    """p of a bootstrap: never 0, for the next resample might lie on the other side."""
    other = min(np.sum(values <= 0), np.sum(values >= 0))
    return float(min(1, 2 * (other + 1) / (len(values) + 1)))


def main(argv=None) -> int:
    """Print or write the row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs=2, metavar='MODEL', help='A and B')
    add_options(parser)
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the row is only shown')
    args = parser.parse_args(argv)
    task, results = Task(args), Results(args.out, 'compare')
    id = ' against '.join(map(task.id_of, args.models))
    row = next((row for row in results.rows if row['id'] == id), None)
    if row is None or [row['a']['sha256'], row['b']['sha256']] != list(map(task.digest, args.models)):
        row = measure(task, args.models)
        results.add({'id': id, **row})
    low, high = row['interval']['bounds']
    print(f'{row["a"]["model"]} {row["a"]["AP"]:.4f} - {row["b"]["model"]} {row["b"]["AP"]:.4f} = '
          f'{row["difference"]:+.4f} (95 %: {low:+.3f} to {high:+.3f}); the first is better in {row["share"]:.1%} of '
          f'the resamples, p = {row["p"]:.3f}')
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.compare'):
        sys.exit(main())

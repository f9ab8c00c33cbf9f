"""Whether the scores of joints are probabilities of being right, of models in the boxes of the annotated persons.

    python -m benchmarks.calibration MODEL [MODEL ...] --ann A.json --images DIR [--bins 15] [--flip] [--threads N]
        [--limit PICTURES] --out FILE.json

MODEL is what ``python -m benchmarks.accuracy`` takes, if it is given boxes; scores above 1 count as 1. A labelled joint
is right where its share in COCO's OKS is 0.5 or more. A row, for each joint and for all of them together, has the
reliability diagram (bins of equal numbers of joints: mean score, observed rate), the expected calibration error (ECE,
the mean of the absolute differences of the two, weighted by the joints in the bins) with an interval, and the Brier
score. The interval is a bootstrap over source pictures with the bins as they are; chance alone keeps an ECE above 0,
the more the fewer joints, so the interval of a small ECE lies a little high.

Rows that the file has are measured again where weights, settings, pictures, versions or the device are others, or
where they have no figures. Exit code 0: every row is there, with figures or, of a model that is not given boxes,
whose weights or operators are missing, or of a joint without labels, with the reason; 1: one failed, and its row says
why; 2: the call was wrong.
"""

import argparse
import sys

import numpy as np

from benchmarks.results import CannotRunError, Results
from benchmarks.scoring import joints
from benchmarks.scoring.coco_ap import resample
from benchmarks.scoring.poses_file import names_of
from benchmarks.scoring.task import RESAMPLES, Task, failed, interval
from benchmarks.scoring.trials import Trial, arguments, open_trial
from mmpose_amfac.errors import integer, one_line_errors

SEED = 0
ALL = 'all'


def reliability(scores, right, sources, bins: int) -> dict:
    """Figures of a row.

    Args:
        scores: (n,) in [0, 1], n at least 1.
        right: (n,) whether the joint is right.
        sources: (n,) source picture of each.
        bins: of equal numbers of joints; equal scores share one, so that there may be fewer.
    """
    scores, right = np.asarray(scores, float), np.asarray(right, float)
    edges = np.percentile(scores, np.linspace(0, 100, bins + 1)[1:-1])
    where = np.searchsorted(edges, scores)
    _, groups = np.unique(np.asarray(sources), return_inverse=True)
    # number, sum of scores and number of right ones, by source picture and bin
    sums = np.zeros((groups.max() + 1, bins, 3))
    np.add.at(sums, (groups, where), np.stack([np.ones_like(scores), scores, right], axis=1))
    (low, high), values = resample(lambda rows: _ece(sums[rows].sum(axis=0)), range(len(sums)), RESAMPLES, SEED)
    total = sums.sum(axis=0)
    return dict(
        joints=len(scores), confidence=_round(scores.mean()), rate=_round(right.mean()), ece=_round(_ece(total)),
        brier=_round(np.mean((scores - right) ** 2)),
        interval=interval('ECE', ((_round(low), _round(high)), values), len(sums)),
        bins=[dict(confidence=_round(score / count), rate=_round(hits / count), joints=int(count))
              for count, score, hits in total if count])


def _ece(sums):
    """Of number, sum of scores and number of right joints by bin, (bins, 3)."""
    return np.abs(sums[:, 1] - sums[:, 2]).sum() / sums[:, 0].sum()


def _round(value) -> float:
    return round(float(value), 4)


def measure(trial: Trial, bins: int) -> dict[str, dict]:
    """Joint -> what its row says."""
    names = names_of(trial.task.content)
    found = joints.triples(trial.predict(desc=trial.estimator.model))
    values = joints.similarities(found[..., :2], trial.people, trial.sigmas)
    sources = np.repeat([[person.source] for person in trial.people], len(names), axis=1)
    rows, labelled = {}, ~np.isnan(values)
    for name in (ALL, *names):
        chosen = labelled & (np.array(names) == name if name != ALL else True)
        rows[name] = dict(trial.facts, **reliability(
            found[..., 2][chosen], values[chosen] >= joints.FOUND, sources[chosen], bins)) if chosen.any() else dict(
                model=trial.estimator.model, reason='no such joint is labelled')
    return rows


def run(task: Task, model: str, bins: int, results: Results) -> int:
    """Measure the rows of a model, unless all of them are there; returns how many failed."""
    now, start, wrong = task.environment(model), task.id_of(model), 0
    ids = {name: f'{start} | {bins} bins | {name}' for name in (ALL, *names_of(task.content))}
    if results.has_figures(ids[ALL], now) and all(id in results for id in ids.values()):
        return 0
    try:
        rows = measure(open_trial(task, model), bins)
    except Exception as error:
        wrong = not isinstance(error, CannotRunError)
        rows = {ALL: failed(model, error)}
    results.add(*(dict(row, id=ids[name], joint=name, bins_asked=bins, seed=SEED, environment=now)
                  for name, row in rows.items()))
    return wrong


def main(argv=None) -> int:
    """Print and write the rows."""
    parser = arguments(argparse.ArgumentParser(description=__doc__,
                                               formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument('--bins', type=int, default=15, help='of equal numbers of joints (default %(default)s)')
    args = parser.parse_args(argv)
    integer('--bins', args.bins)
    task, results = Task(args, args.models), Results(args.out, 'calibration')
    wrong = sum([run(task, model, args.bins, results) for model in args.models])
    print(f'{"model":36s} {"joint":16s} {"joints":>7s} {"score":>6s} {"right":>6s} {"ECE":>6s}  {"95 % interval":16s} '
          f'{"Brier":>6s}')
    for row in results.rows:
        start = f'{row["model"]:36s} {row["joint"]:16s}'
        if 'reason' in row:
            print(f'{start} {row["reason"]}')
            continue
        low, high = row['interval']['bounds']
        print(f'{start} {row["joints"]:7d} {row["confidence"]:6.3f} {row["rate"]:6.3f} {row["ece"]:6.3f}  '
              f'{low:.3f} to {high:.3f}   {row["brier"]:6.3f}')
    return 1 if wrong else 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.calibration'):
        sys.exit(main())

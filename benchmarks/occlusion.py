"""Key point AP against occlusion, of models in the boxes of the annotated persons.

    python -m benchmarks.occlusion MODEL [MODEL ...] --ann A.json --images DIR [--flip] [--threads N] [--seed 0]
        [--ways texture grey cut] [--levels 0.1 0.2 0.3 0.4 0.5] [--limit PICTURES] --out FILE.json

MODEL is what ``python -m benchmarks.accuracy`` takes, if it is given boxes. Each person is occluded alone, by
:mod:`benchmarks.scoring.occluders`, in the picture, before any crop is cut; every model sees the same. Boxes, areas
and labels do not change, so a hidden joint still counts. A row has the AP with its interval and, of joints behind the
occluder (``hidden``) and of the others (``free``), the mean share in OKS and the share found (0.5 or more of it). The
row without an occluder also tells joints that the annotators call hidden from those they call visible. Where the
pictures have a ``crowdIndex`` (CrowdPose), there is a row for each of the levels of CrowdPose's evaluation, from the
pictures of that level as they are.

A row that the file has is measured again where weights, settings, pictures, versions or the device are others, or
where it has no figures. Exit code 0: every row is there, with figures or, of a model that is not given boxes or whose
weights or operators are missing, with the reason; 1: one failed, and its row says why; 2: the call was wrong.
"""

import argparse
import sys

import numpy as np
from tqdm import tqdm

from benchmarks.results import CannotRunError, Results
from benchmarks.scoring import joints
from benchmarks.scoring.coco_ap import KeypointScores, is_crowdpose, of_pictures
from benchmarks.scoring.occluders import WAYS, Occluder
from benchmarks.scoring.task import RESAMPLES, Task, failed, interval
from benchmarks.scoring.trials import Trial, arguments, open_trial
from mmpose_amfac.compat.xtcocotools.cocoeval import LEVELS as CROWD
from mmpose_amfac.errors import integer, number, one_line_errors

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)


def of_joints(values: np.ndarray) -> dict:
    """Number of labelled joints among OKS shares (NaN where there is no label), their mean and the share found."""
    values = values[~np.isnan(values)]
    if not values.size:
        return dict(joints=0, oks=None, found=None)
    return dict(joints=int(values.size), oks=round(float(values.mean()), 4),
                found=round(float((values >= joints.FOUND).mean()), 4))


def score(content: dict, results: list[dict], sigmas) -> dict:
    """Metrics and interval of some pictures."""
    scores = KeypointScores(content, results, sigmas)
    return dict(metrics=scores.metrics, interval=interval('AP', scores.resample(RESAMPLES), len(scores.useful)))


def measure(trial: Trial, way: str, level: float, seed: int):
    """Figures of the row of a way and level, and the COCO results behind them.

    Args:
        trial: a model and its persons.
        way: one of ``WAYS`` or ``'none'``.
        level: hidden share of the box.
        seed: of the occluders.
    """
    people, occluder, change = trial.people, None, None
    if way != 'none':
        occluder = Occluder(way, level, seed)

        def change(picture, person):
            return occluder(picture, person.box, person.id)

    results = trial.predict(change, f'{way} {level:g}')
    values = joints.similarities(joints.triples(results)[..., :2], people, trial.sigmas)
    hidden, share = np.zeros(values.shape, bool), 0.0
    if occluder:
        rectangles = [occluder.hidden(person.box, person.id) for person in people]
        hidden = np.stack([r.covers(person.points) for r, person in zip(rectangles, people)])
        share = float(np.mean([r.share(person.box) for r, person in zip(rectangles, people)]))
    row = dict(**score(trial.task.content, results, trial.sigmas), share=round(share, 4),
               hidden=of_joints(values[hidden]), free=of_joints(values[~hidden]))
    if not occluder:
        visibility = np.stack([person.visibility for person in people])
        row |= dict(labelled_hidden=of_joints(values[visibility == 1]),
                    labelled_visible=of_joints(values[visibility == 2]))
    return row, results, values


def crowds(trial: Trial, results: list[dict], values):
    """(level, figures) of CrowdPose's levels, from the results without occluders."""
    low = -np.inf
    for name, high in CROWD.items():
        kept = {p['id'] for p in trial.task.content['images'] if low <= p['crowdIndex'] < high}
        low = high
        here = np.array([person.picture['id'] in kept for person in trial.people])
        if here.any():
            part = of_pictures(trial.task.content, kept)
            yield name, dict(**score(part, [r for r in results if r['image_id'] in kept], trial.sigmas),
                             share=0.0, hidden=of_joints(np.empty(0)), free=of_joints(values[here]))


def run(task: Task, model: str, args, results: Results) -> int:
    """Measure the rows of a model that are not there; returns how many failed."""
    now, start, trial, wrong = task.environment(model), task.id_of(model), None, 0

    def settings(way, level):
        shown = level if isinstance(level, str) else f'{level:g}'
        return dict(id=f'{start} | {way} {shown} | seed {args.seed}', way=way, level=level, seed=args.seed,
                    environment=now)

    chosen = [('none', 0.0), *((way, level) for way in args.ways for level in args.levels)]
    for way, level in tqdm(chosen, desc=model, disable=None, leave=False):
        row = settings(way, level)
        if results.has_figures(row['id'], now):
            continue
        try:
            trial = trial or open_trial(task, model)
            figures, found, values = measure(trial, way, level, args.seed)
            rows = [{**row, **trial.facts, **figures}]
            if way == 'none' and is_crowdpose(task.content):
                rows += [{**settings('crowd index', name), **trial.facts, **part}
                         for name, part in crowds(trial, found, values)]
        except Exception as error:
            wrong += not isinstance(error, CannotRunError)
            rows = [{**row, **failed(model, error)}]
        results.add(*rows)
        if trial is None:
            # it does not open for the other rows either
            break
    return wrong


def main(argv=None) -> int:
    """Print and write the rows."""
    parser = arguments(argparse.ArgumentParser(description=__doc__,
                                               formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument('--seed', type=int, default=0, help='of the occluders (default %(default)s)')
    parser.add_argument('--ways', nargs='*', choices=WAYS, default=WAYS, help='kinds of occluders (default: all)')
    parser.add_argument('--levels', nargs='*', type=float, default=LEVELS,
                        help='hidden shares of the box (default: %(default)s)')
    args = parser.parse_args(argv)
    integer('--seed', args.seed, 0)
    for level in args.levels:
        number('--levels', level, 0, 1, low_itself=False)
    task, results = Task(args, args.models), Results(args.out, 'occlusion')
    wrong = sum([run(task, model, args, results) for model in args.models])
    print(f'{"model":36s} {"occluder":18s} {"AP":>6s}  {"95 % interval":16s} {"OKS hidden":>10s} {"free":>6s}')
    for row in results.rows:
        if 'reason' in row:
            print(f'{row["model"]:36s} {row["way"] + " " + str(row["level"]):18s} no figure, {row["reason"]}')
            continue
        low, high = row['interval']['bounds']
        told = [f'{"-" if row[key]["oks"] is None else format(row[key]["oks"], ".3f"):>{width}s}'
                for key, width in (('hidden', 10), ('free', 6))]
        print(f'{row["model"]:36s} {row["way"] + " " + str(row["level"]):18s} {row["metrics"]["AP"]:6.3f}  '
              f'{low:.3f} to {high:.3f}   {" ".join(told)}')
    return 1 if wrong else 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.occlusion'):
        sys.exit(main())

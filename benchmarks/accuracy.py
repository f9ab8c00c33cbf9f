"""Key point AP of models on COCO-style pictures, each with its whole protocol.

    python -m benchmarks.accuracy MODEL [MODEL ...] --ann A.json --images DIR --boxes gt|DETECTOR.onnx|BOXES.json
        [--flip] [--pictures FIELD=VALUE] [--out FILE.json]

MODEL is a model file of the runtime or a packaged name, a MoveNet ONNX file, a system of ``python -m benchmarks.zoo``
or a CONFIG.py (both with their checkpoint, through MMPose), or a COCO key point results JSON, which is scored as it is.
Pictures with CrowdPose's crowd index are evaluated by its rules. Networks that need no boxes leave --boxes alone.

The 95 % interval is a bootstrap over source pictures. Rows that the file has already for the same weights are not
measured again. Exit code 0: each model has a row, with figures or, where weights, operators or a flip test are
missing, with the reason; 1: one failed, and its row says why; 2: the call was wrong.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.models.boxes import open_boxes
from benchmarks.models.estimators import Estimator, kind_of, open_estimator, weights_of
from benchmarks.record import environment
from benchmarks.results import CannotRunError, Results
from benchmarks.scoring.coco_ap import LEVEL, KeypointScores, counts, is_crowdpose, read_annotations
from benchmarks.scoring.poses_file import declared, read_poses, sigmas_of, write_poses
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import sha256

PICTURES = 16
RESAMPLES = 1000


class Task:
    """The pictures, the boxes and the options of one call.

    Args:
        args: of a parser with :func:`add_options`.

    Attributes:
        content: annotations of the chosen pictures.
        protocol: the part of a protocol that does not depend on the model.
    """

    def __init__(self, args):
        self.args, path = args, Path(args.ann)
        self.content = read_annotations(path, args.pictures)
        self.category = self.content['categories'][0]['id']
        self.boxes = open_boxes(args.boxes, self.content, args.threads)
        crowd = is_crowdpose(self.content)
        self.protocol = dict(
            annotations=path.name, annotations_sha256=sha256(path), pictures=args.pictures or 'all',
            images=len(self.content['images']), persons=sum(map(counts, self.content['annotations'])),
            iou_type='keypoints_crowd' if crowd else 'keypoints', use_area=not crowd)

    def open(self, model: str) -> Estimator:
        """A model that is no results file."""
        args = self.args
        return open_estimator(model, self.category, flip=args.flip, checkpoint=args.checkpoint, weights=args.weights,
                              manifest=args.manifest, backend=args.backend, device=args.device, threads=args.threads)

    def predict(self, estimator: Estimator) -> list[dict]:
        """COCO results of the pictures."""
        if estimator.takes_boxes and self.boxes is None:
            raise AMFACError(f'{estimator.model} takes boxes: give --boxes gt, a detector or a file')
        entries, results = self.content['images'], []
        for start in tqdm(range(0, len(entries), PICTURES), desc=estimator.model, disable=None, leave=False):
            chunk = entries[start:start + PICTURES]
            pictures = [read_image(Path(self.args.images) / entry['file_name']) for entry in chunk]
            boxes = scores = [None] * len(chunk)
            if estimator.takes_boxes:
                boxes, scores = map(list, zip(*map(self.boxes, chunk, pictures)))
            results += estimator.predict(pictures, [entry['id'] for entry in chunk], boxes, scores)
        return results

    def results(self, model: str):
        """What is scored.

        Returns:
            COCO results; the row of the model without what is scored; OKS constants; packages that took part.
        """
        if kind_of(model, self.args.checkpoint) == 'results':
            results = read_poses(model, self.content, self.args.ann)
            protocol = {**self.protocol, 'poses': len(results), **declared(model, self.protocol)}
            row = dict(model=Path(model).name, file=Path(model).name, sha256=sha256(model), protocol=protocol)
            return results, row, sigmas_of(self.content), ('numpy', 'pycocotools')
        estimator = self.open(model)
        sigmas = sigmas_of(self.content, estimator)
        results = self.predict(estimator)
        boxes = self.boxes.facts if estimator.takes_boxes else dict(source='none')
        protocol = {**self.protocol, 'boxes': boxes, 'poses': len(results), **estimator.protocol}
        row = dict(model=estimator.model, file=estimator.file.name, sha256=sha256(estimator.file), **estimator.run,
                   protocol=protocol)
        return results, row, sigmas, estimator.packages

    def digest(self, model: str) -> str | None:
        """sha256 of the weights or results; None where they are not here."""
        try:
            return sha256(weights_of(model, self.args.checkpoint, self.args.weights))
        except CannotRunError:
            return None

    def id_of(self, model: str) -> str:
        """All settings of a measurement but the weights, whose digest the row has."""
        args, digest = self.args, self.protocol['annotations_sha256']
        parts = [Path(model).name, f'{self.protocol["annotations"]} {digest[:8]}', self.protocol['pictures']]
        if kind_of(model, args.checkpoint) != 'results':
            parts += [f'boxes={self.boxes.id if self.boxes else "none"}', f'flip={bool(args.flip)}', args.backend]
            parts += [str(value) for value in (args.device, args.checkpoint and Path(args.checkpoint).name) if value]
            parts += [f'manifest {sha256(args.manifest)[:8]}'] if args.manifest else []
        return ', '.join(parts)


def measure(task: Task, model: str, poses_out=None) -> dict:
    """The row of a model, without its id."""
    results, row, sigmas, packages = task.results(model)
    scores = KeypointScores(task.content, results, sigmas)
    if poses_out:
        write_poses(poses_out, results, row)
    return dict(row, metrics=scores.metrics, environment=environment(*packages), interval=interval(
        'AP', scores.interval(RESAMPLES), scores))


def interval(metric: str, bounds, scores: KeypointScores) -> dict:
    """An interval, with how it was made."""
    return dict(metric=metric, level=LEVEL, bounds=list(bounds), resamples=RESAMPLES, seed=0,
                over=f'{len(scores.groups)} source pictures')


def add_options(parser) -> None:
    """The options of everything that runs models on annotated pictures."""
    parser.add_argument('--ann', required=True, metavar='A.json', help='COCO key point annotations')
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of the file names in them')
    parser.add_argument('--boxes', metavar='gt|DETECTOR.onnx|BOXES.json',
                        help='boxes of the annotated persons, of an RTMDet file, or COCO detection results')
    parser.add_argument('--flip', action='store_true', help='average with the mirrored crop')
    parser.add_argument('--pictures', metavar='FIELD=VALUE',
                        help='only those whose entry has this, e.g. to leave out what a model was trained on')
    parser.add_argument('--checkpoint', metavar='FILE', help='weights of a system or a CONFIG.py')
    parser.add_argument('--weights', metavar='DIR', help='folder of published weights (else they are fetched)')
    parser.add_argument('--manifest', metavar='FILE.json',
                        help='manifest of a model file, or an object with some of its fields, e.g. {"padding": 1.1}')
    parser.add_argument('--backend', default='auto', help='of a model file, see amfacpose predict --help')
    parser.add_argument('--device', help='of torch (default: cuda where it has one) or of a model file (cpu)')
    parser.add_argument('--threads', type=int, metavar='N', help='CPU threads (default: all usable cores)')


def main(argv=None) -> int:
    """Print or write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='+', metavar='MODEL')
    add_options(parser)
    parser.add_argument('--poses-out', metavar='FILE.json', help='write the poses of the one MODEL')
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    args = parser.parse_args(argv)
    if len(args.models) > 1:
        for option in ('checkpoint', 'manifest', 'poses_out'):
            if getattr(args, option):
                raise AMFACError(f'--{option.replace("_", "-")} belongs to one MODEL, {len(args.models)} are given')
    task, results, failed = Task(args), Results(args.out, 'accuracy'), 0
    for model in args.models:
        kind_of(model, args.checkpoint)
    for model in args.models:
        id = task.id_of(model)
        row = next((row for row in results.rows if row['id'] == id and 'reason' not in row), None)
        if row is None or args.poses_out or task.digest(model) not in (None, row['sha256']):
            try:
                row = measure(task, model, args.poses_out)
            except FileNotFoundError:
                raise
            except (AMFACError, MemoryError, RuntimeError, OSError) as error:
                failed += not isinstance(error, CannotRunError)
                row = dict(model=Path(model).name, reason=' '.join(str(error).split()) or type(error).__name__,
                           environment=environment())
            results.add({'id': id, **row})
        print(told(row))
    return 1 if failed else 0


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

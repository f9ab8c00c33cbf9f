"""What the commands that run models on annotated pictures share: pictures, boxes, options, and the id of a row."""

import hashlib
from functools import cached_property
from pathlib import Path

from tqdm import tqdm

from benchmarks.models.boxes import open_boxes
from benchmarks.models.estimators import Estimator, open_estimator
from benchmarks.models.kinds import check_options, environment_of, kind_of, settings_of, takes_boxes, weights_of
from benchmarks.results import CannotRunError
from benchmarks.scoring.coco_ap import LEVEL, counts, is_crowdpose, of_pictures, read_annotations
from benchmarks.scoring.poses_file import declared, read_poses, sigmas_of
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import AMFACError, integer
from mmpose_amfac.files import sha256

PICTURES = 16
RESAMPLES = 1000


def add_options(parser) -> None:
    """Add what :class:`Task` reads, but the boxes."""
    parser.add_argument('--ann', required=True, metavar='A.json', help='COCO key point annotations')
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of the file names in them')
    parser.add_argument('--flip', action='store_true', help='average with the mirrored crop')
    parser.add_argument('--pictures', metavar='FIELD=VALUE',
                        help='only those whose entry has this, e.g. to leave out what a model was trained on')
    parser.add_argument('--limit', type=int, metavar='PICTURES', help='only so many pictures, the first')
    parser.add_argument('--checkpoint', metavar='FILE', help='weights of a system or a CONFIG.py')
    parser.add_argument('--weights', metavar='DIR', help='folder of published weights (else they are fetched)')
    parser.add_argument('--manifest', metavar='FILE.json',
                        help='manifest of a model file, or an object with some of its fields, e.g. {"padding": 1.1}')
    parser.add_argument('--backend', default='auto', help='of a model file, see amfacpose predict --help')
    parser.add_argument('--device', help='of torch (default: cuda where it has one) or of a model file (cpu)')
    parser.add_argument('--threads', type=int, metavar='N', help='CPU threads (default: all usable cores)')


class Task:
    """The pictures, the boxes and the options of one call.

    Args:
        args: of a parser with :func:`add_options` and ``--boxes``.
        models: of the call.

    Attributes:
        content: annotations of the chosen pictures.
        category: id of the persons' category.
        boxes: of :func:`~benchmarks.models.boxes.open_boxes`.
        protocol: the part of a protocol that does not depend on the model.

    Raises:
        AMFACError: a wrong call; nothing has been measured yet.
    """

    def __init__(self, args, models):
        self.args, path = args, Path(args.ann)
        for option in ('threads', 'limit'):
            if getattr(args, option) is not None:
                integer(f'--{option}', getattr(args, option))
        for option in ('checkpoint', 'manifest'):
            if getattr(args, option) and len(models) > 1:
                raise AMFACError(f'--{option} belongs to one MODEL, {len(models)} are given')
        for model in models:
            check_options(model, {name: getattr(args, name) for name in (
                'checkpoint', 'flip', 'manifest', 'backend', 'device')})
        self.content = read_annotations(path, args.pictures)
        pictures = [args.pictures] if args.pictures else []
        if args.limit is not None:
            self.content = of_pictures(self.content, {one['id'] for one in self.content['images'][:args.limit]})
            pictures.append(f'first {args.limit}')
            if not any(map(counts, self.content['annotations'])):
                raise AMFACError(f'--limit {args.limit}: these pictures have no person with labelled joints')
        self.category = self.content['categories'][0]['id']
        self.boxes = open_boxes(args.boxes, self.content, args.threads)
        for model in models:
            if self.boxes is None and takes_boxes(model, args.checkpoint):
                raise AMFACError(f'{model} takes boxes: give --boxes gt, a detector or a file')
        crowd = is_crowdpose(self.content)
        self.protocol = dict(
            annotations=path.name, annotations_sha256=sha256(path), pictures=', '.join(pictures) or 'all',
            images=len(self.content['images']), persons=sum(map(counts, self.content['annotations'])),
            iou_type='keypoints_crowd' if crowd else 'keypoints', use_area=not crowd)

    def open(self, model: str) -> Estimator:
        """A model that is no results file."""
        args = self.args
        return open_estimator(model, self.category, flip=args.flip, checkpoint=args.checkpoint, weights=args.weights,
                              manifest=args.manifest, backend=args.backend, device=args.device, threads=args.threads)

    def environment(self, model: str) -> dict:
        """What a row of a model would be measured on now."""
        return environment_of(model, self.args.checkpoint, self.args.device, self.args.backend)

    def predict(self, estimator: Estimator) -> list[dict]:
        """COCO results of the pictures."""
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
            COCO results; the row of the model without what is scored; OKS constants.
        """
        if kind_of(model, self.args.checkpoint) == 'results':
            results = read_poses(model, self.content, self.args.ann)
            protocol = {**self.protocol, 'poses': len(results), **declared(model, self.protocol)}
            row = dict(model=Path(model).name, file=Path(model).name, sha256=sha256(model), protocol=protocol)
            return results, row, sigmas_of(self.content)
        estimator = self.open(model)
        sigmas = sigmas_of(self.content, estimator)
        results = self.predict(estimator)
        boxes = self.boxes.facts if estimator.takes_boxes else dict(source='none')
        protocol = {**self.protocol, 'boxes': boxes, 'poses': len(results), **estimator.protocol}
        return results, dict(described(estimator), protocol=protocol), sigmas

    def digest(self, model: str) -> str | None:
        """sha256 of the weights or results; None where they are not here."""
        try:
            return sha256(weights_of(model, self.args.checkpoint, self.args.weights))
        except CannotRunError:
            return None

    @cached_property
    def seen(self) -> str:
        """Digest of the names and sizes of the pictures.

        Raises:
            FileNotFoundError: one is not there.
        """
        digest = hashlib.sha256()
        for entry in self.content['images']:
            size = (Path(self.args.images) / entry['file_name']).stat().st_size
            digest.update(f'{entry["file_name"]}\0{size}\n'.encode())
        return digest.hexdigest()

    def id_of(self, model: str) -> str:
        """All settings of a measurement.

        The weights of a system are those that are published unless a checkpoint is given; where others turn up under
        their name, the digest in the row tells.
        """
        args, kind = self.args, kind_of(model, self.args.checkpoint)
        weights = 'published' if kind == 'system' and not args.checkpoint else self.digest(model)[:8]
        parts = [f'{Path(model).name} {weights}', settings_of(model, args.checkpoint, args.manifest)[:8],
                 f'{self.protocol["annotations"]} {self.protocol["annotations_sha256"][:8]}', self.protocol['pictures']]
        if kind != 'results':
            boxes = self.boxes.id if takes_boxes(model, args.checkpoint) else 'none'
            parts += [f'images {self.seen[:8]}', f'boxes={boxes}', f'flip={bool(args.flip)}', args.backend]
            parts += [str(args.device)] if args.device else []
        return ', '.join(parts)


def described(estimator: Estimator) -> dict:
    """What a row tells of a model."""
    return dict(model=estimator.model, file=estimator.file.name, sha256=sha256(estimator.file), **estimator.run)


def failed(model: str, error: Exception) -> dict:
    """The start of a row without figures: one model, whatever was the matter with it, does not end the others."""
    text = ' '.join(str(error).split())[:300]
    kind = '' if isinstance(error, AMFACError) and text else type(error).__name__
    return dict(model=Path(model).name, reason=': '.join(filter(None, (kind, text))))


def interval(metric: str, drawn, sources: int) -> dict:
    """An interval, with how it was made.

    Args:
        metric: of what.
        drawn: what :func:`~benchmarks.scoring.coco_ap.resample` gave.
        sources: how many source pictures it drew from.
    """
    bounds, values = drawn
    return dict(metric=metric, level=LEVEL, bounds=list(bounds), resamples=len(values), seed=0,
                over=f'{sources} source pictures')

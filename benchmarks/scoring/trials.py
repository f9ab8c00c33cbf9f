"""Models on the same annotated persons, each in the person's own box."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.record import environment
from benchmarks.scoring import joints
from benchmarks.scoring.coco_ap import is_crowdpose, read_annotations
from mmpose_amfac.errors import AMFACError, integer
from mmpose_amfac.files import sha256
from mmpose_amfac.poses import SCORED_JOINT, Poses
from mmpose_amfac.runtime import AMFACPose


@dataclass
class Trial:
    """A model and the persons of an annotation file.

    Attributes:
        estimator: :class:`~mmpose_amfac.runtime.AMFACPose`.
        content: the annotations.
        people: of :func:`benchmarks.scoring.joints.persons`.
        images: folder of the file names.
        id: start of the id of every row.
        settings: what every row says of model, protocol and machine.
    """

    estimator: AMFACPose
    content: dict
    people: list[joints.Person]
    images: Path
    id: str
    settings: dict

    def predict(self, change=None, desc: str = '') -> Poses:
        """See :func:`benchmarks.scoring.joints.predict`."""
        return joints.predict(self.estimator, self.people, self.images, change, desc)


def arguments(parser):
    """Add what :func:`trials` reads."""
    parser.add_argument('models', nargs='+', metavar='MODEL', help='.onnx, .xml or .engine file, or packaged name')
    parser.add_argument('--ann', required=True, type=Path, metavar='A.json', help='COCO key point annotations')
    parser.add_argument('--images', required=True, type=Path, metavar='DIR', help='folder of the file names in it')
    parser.add_argument('--flip', action='store_true', help='average with the mirrored crop')
    parser.add_argument('--threads', type=int, help='of the CPU (default: all usable cores)')
    parser.add_argument('--limit', type=int, metavar='PICTURES', help='only so many pictures, the first')
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    return parser


def trials(args) -> Iterator[Trial]:
    """One for each model, opened when its turn comes.

    Args:
        args: of a parser with :func:`arguments`.
    """
    if args.limit is not None:
        integer('--limit', args.limit)
    content, digest = read_annotations(args.ann), sha256(args.ann)
    content = joints.of_pictures(content, {one['id'] for one in content['images'][:args.limit]})
    crowd = is_crowdpose(content)
    pictures = 'all' if args.limit is None else f'first {args.limit}'
    for model in args.models:
        estimator = AMFACPose(model, threads=args.threads, flip=args.flip)
        manifest, engine = estimator.manifest, estimator.engine
        people = joints.persons(content, len(estimator.skeleton))
        if not people:
            raise AMFACError(f'--limit {args.limit}: these pictures have no person with labelled joints')
        protocol = dict(
            annotations=args.ann.name, annotations_sha256=digest, pictures=pictures, images=len(content['images']),
            persons=len(people), boxes=dict(source='ground truth'), poses=len(people), flip_test=args.flip,
            iou_type='keypoints_crowd' if crowd else 'keypoints', use_area=not crowd, score_mode='bbox_keypoint',
            keypoint_score_thr=SCORED_JOINT, nms_mode='none',
            backend=f'{engine.backend} {version(engine.backend)}', precision=manifest.precision)
        weights = sha256(estimator.weights)
        id = ' | '.join([manifest.model, weights[:12], args.ann.name, digest[:12], pictures,
                         'flip' if args.flip else 'no flip', engine.backend])
        yield Trial(estimator, content, people, args.images, id, dict(
            model=manifest.model, file=estimator.weights.name, sha256=weights, protocol=protocol,
            environment=environment('numpy', 'opencv-python-headless', 'pycocotools')))

"""Key point AP of a model file through the runtime, on whole pictures.

    python -m benchmarks.runtime_accuracy ANNOTATIONS.json --images FOLDER --model FILE [--det FILE.onnx] [--flip]
        [--pictures FIELD=VALUE] [--out FILE.json]

Without ``--det`` the boxes are those of the annotated persons.
"""

import argparse
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from benchmarks.core import KeypointScores
from benchmarks.record import environment
from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import read_json, sha256, write_json
from mmpose_amfac.runtime import AMFACPose

PICTURES = 16
RESAMPLES = 1000
# MS COCO's evaluation looks at no more persons of a picture
MAX_BOXES = 20
SCORE_THR = 0.05
_PACKAGES = dict(onnxruntime='onnxruntime', openvino='openvino', tensorrt='tensorrt')


def predict(estimator: AMFACPose, content: dict, images: Path, given: bool) -> list[dict]:
    """COCO results of the pictures of ``content``.

    Args:
        estimator: with a detector unless ``given``.
        content: COCO key point annotations.
        images: folder of the file names.
        given: take the boxes of the annotated persons.
    """
    boxes = {}
    for person in content['annotations']:
        if person.get('num_keypoints') and not person.get('iscrowd'):
            boxes.setdefault(person['image_id'], []).append(person['bbox'])
    results = []
    entries = iter(content['images'])
    while chunk := list(islice(entries, PICTURES)):
        pictures = [read_image(images / entry['file_name']) for entry in chunk]
        if given:
            poses = estimator(pictures, [geometry.xywh_to_xyxy(boxes.get(e['id'], ())) for e in chunk])
        else:
            poses = estimator(pictures)
        for entry, found in zip(chunk, poses):
            results += found.to_coco(entry['id'], first_id=len(results) + 1)
    return results


class Best:
    """The best boxes of another detector."""

    def __init__(self, detector):
        self.detector = detector

    def __call__(self, image):
        boxes, scores = self.detector(image)
        return boxes[:MAX_BOXES], scores[:MAX_BOXES]


def read(annotations: Path, pictures: str | None) -> dict:
    """COCO key point annotations, of the pictures whose ``FIELD=VALUE`` holds.

    Raises:
        AMFACError: another file, or no picture is left.
    """
    content = read_json(annotations, 'annotations')
    if not isinstance(content, dict) or not all(
            isinstance(content.get(key), list) for key in ('images', 'annotations', 'categories')):
        raise AMFACError(f'{annotations} has no lists images, annotations and categories; COCO key point annotations '
                         'are needed')
    if pictures is not None:
        field, _, value = pictures.partition('=')
        kept = [image for image in content['images'] if str(image.get(field)) == value]
        if not kept:
            raise AMFACError(f'--pictures {pictures}: {annotations} has no picture whose {field!r} is {value!r}')
        ids = {image['id'] for image in kept}
        content = {**content, 'images': kept,
                   'annotations': [a for a in content['annotations'] if a['image_id'] in ids]}
    return content


def report(estimator: AMFACPose, annotations: Path, images: Path, det: Path | None, pictures: str | None) -> dict:
    """AP with its interval, and everything needed to judge and repeat it."""
    content = read(annotations, pictures)
    results = predict(estimator, content, images, det is None)
    scores = KeypointScores(content, results, estimator.skeleton.sigmas)
    manifest, engine = estimator.manifest, estimator.engine
    return dict(
        metrics=scores.metrics,
        interval=dict(metric='AP', level=0.95, bounds=scores.interval(RESAMPLES), resamples=RESAMPLES, seed=0,
                      over=f'{len(scores.groups)} source pictures'),
        protocol=dict(
            annotations=annotations.name, annotations_sha256=sha256(annotations), pictures=pictures or 'all',
            images=len(content['images']),
            persons=sum(bool(a.get('num_keypoints')) and not a.get('iscrowd') for a in content['annotations']),
            boxes=dict(source='ground truth') if det is None else dict(
                source='detector', file=det.name, sha256=sha256(det), score_thr=SCORE_THR, most=MAX_BOXES),
            poses=len(results), flip_test=estimator.flip, iou_type='keypoints', use_area=True,
            score_mode='bbox_keypoint', keypoint_score_thr=0.2, nms_mode='none'),
        model=dict(file=Path(estimator.weights).name, sha256=sha256(estimator.weights), name=manifest.model,
                   input_size=list(manifest.input_size), channel_order=manifest.channel_order,
                   padding=manifest.padding, decode=manifest.decode),
        environment=dict(
            backend=f'{engine.backend} {version(_PACKAGES[engine.backend])}', provider=engine.provider,
            precision=manifest.precision, arithmetic=engine.precision, threads=estimator.threads,
            batch=estimator.batch_size, **environment('numpy', 'opencv-python-headless', 'pycocotools')))


def main(argv=None) -> None:
    """Print the figures; write them with ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('annotations', metavar='ANNOTATIONS.json', help='COCO key point annotations')
    parser.add_argument('--images', required=True, metavar='FOLDER', help='folder of the file names in it')
    parser.add_argument('--model', required=True, metavar='FILE', help='.onnx, .xml or .engine file, or packaged name')
    parser.add_argument('--manifest', metavar='FILE.json', help='manifest of the model (default: the one beside it)')
    parser.add_argument('--det', metavar='FILE.onnx', help='RTMDet file that gives the boxes')
    parser.add_argument('--pictures', metavar='FIELD=VALUE',
                        help='only those whose entry has this, e.g. to leave out what a model was trained on')
    parser.add_argument('--flip', action='store_true', help='average with the mirrored crop')
    parser.add_argument('--backend', default='auto', help='see amfacpose predict --help')
    parser.add_argument('--threads', type=int, help='CPU threads (default: all usable cores)')
    parser.add_argument('--out', metavar='FILE.json', help='result file')
    args = parser.parse_args(argv)
    with one_line_errors('runtime_accuracy'):
        annotations = Path(args.annotations)
        estimator = AMFACPose(args.model, args.det, args.backend, threads=args.threads, manifest=args.manifest,
                              flip=args.flip, score_thr=SCORE_THR)
        if args.det:
            estimator.detector = Best(estimator.detector)
        result = report(estimator, annotations, Path(args.images), Path(args.det) if args.det else None, args.pictures)
        low, high = result['interval']['bounds']
        print(f'AP {result["metrics"]["AP"]:.4f} (95 %: {low:.3f} to {high:.3f}), AP50 '
              f'{result["metrics"]["AP50"]:.4f}, AR {result["metrics"]["AR"]:.4f}, {result["protocol"]["poses"]} poses')
        if args.out:
            write_json(args.out, result)


if __name__ == '__main__':
    main()

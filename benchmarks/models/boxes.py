"""Person boxes of annotated pictures: the annotated ones, a detector's, or those of a file."""

from pathlib import Path

import numpy as np

from benchmarks.scoring.coco_ap import counts
from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import read_json, sha256
from mmpose_amfac.runtime.detector import open_detector

# MS COCO's evaluation looks at no more persons of a picture
MAX_BOXES = 20
SCORE_THR = 0.05


def open_boxes(spec, content: dict, threads: int | None = None):
    """What ``--boxes`` names, as a function entry of ``images``, picture -> boxes (n, 4) ``xyxy``, scores (n,).

    It has ``facts``, what a protocol tells of it, and ``id``.

    Args:
        spec: ``'gt'``, an RTMDet ``.onnx`` file, a ``.json`` file, or None, which is returned.
        content: the annotations.
        threads: of the detector.
    """
    if spec is None:
        return None
    if spec == 'gt':
        return Annotated(content)
    if spec.lower().endswith('.onnx'):
        return Detected(spec, threads)
    if spec.lower().endswith('.json'):
        return Listed(spec, content)
    raise AMFACError(f'--boxes {spec} must be gt, a DETECTOR.onnx or a BOXES.json')


class Annotated:
    """Boxes of the annotated persons with labelled joints."""

    facts, id = dict(source='ground truth'), 'gt'

    def __init__(self, content: dict):
        self._boxes = {}
        for person in filter(counts, content['annotations']):
            self._boxes.setdefault(person['image_id'], []).append(person['bbox'])

    def __call__(self, entry: dict, picture):
        boxes = geometry.xywh_to_xyxy(self._boxes.get(entry['id'], ()))
        return boxes, np.ones(len(boxes), np.float32)


class Detected:
    """The best boxes of a detector file."""

    def __init__(self, path, threads: int | None):
        self._detector = open_detector(path, SCORE_THR, threads)
        digest = sha256(path)
        self.id = f'{Path(path).name} {digest[:8]}'
        self.facts = dict(source='detector', file=Path(path).name, sha256=digest, score_thr=SCORE_THR, most=MAX_BOXES)

    def __call__(self, entry: dict, picture):
        boxes, scores = self._detector(picture)
        return boxes[:MAX_BOXES], scores[:MAX_BOXES]


class Listed:
    """The persons' boxes of a file: COCO detection results, or COCO annotations.

    An entry has ``bbox`` (``xywh`` pixels), maybe ``score``, and names its picture by the ``image_id`` of the
    annotations or by the whole ``file_name``; the ids of a file with ``images`` are its own. Entries of another
    category than the persons' are left out.
    """

    def __init__(self, path, content: dict):
        found, person = read_json(path, 'box file'), content['categories'][0]
        own = found if isinstance(found, dict) else dict(annotations=found)
        entries, where = own.get('annotations'), f'--boxes {path}'
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise AMFACError(f'{where} must be a list of COCO detection results, or annotations')
        ids = {image['file_name']: image['id'] for image in content['images']}
        # id in the file -> id in the annotations
        known = {image['id']: image['id'] for image in content['images']}
        if 'images' in own:
            known = {image.get('id'): ids.get(image.get('file_name')) for image in own['images']}
        categories = {c.get('id') for c in own.get('categories', ()) if c.get('name') == person.get('name')}
        categories = categories or {person['id']}
        self._boxes = {}
        for i, entry in enumerate(entries):
            key = known.get(entry['image_id']) if 'image_id' in entry else ids.get(entry.get('file_name'))
            if key is not None and entry.get('category_id', person['id']) in categories:
                self._boxes.setdefault(key, []).append(_entry(entry, f'{where}: [{i}]'))
        if not self._boxes:
            raise AMFACError(f'{where} has no box of a {person.get("name", "person")} (category_id '
                             f'{", ".join(map(str, categories))}) for any of these pictures; check image_id')
        digest = sha256(path)
        self.id = f'{Path(path).name} {digest[:8]}'
        self.facts = dict(source='file', file=Path(path).name, sha256=digest)

    def __call__(self, entry: dict, picture):
        boxes, scores = zip(*self._boxes[entry['id']]) if entry['id'] in self._boxes else ((), ())
        return np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)


def _entry(entry: dict, where: str):
    """Box (4,) ``xyxy`` and score."""
    # in our own results `score` ranks the pose
    box, score = entry.get('bbox'), entry.get('bbox_score', entry.get('score', 1))
    if not isinstance(box, list) or len(box) != 4 or not isinstance(score, (int, float)):
        raise AMFACError(f'{where} must have bbox, four numbers [left, top, width, height], and a number as score')
    box, = geometry.check_boxes(geometry.xywh_to_xyxy([box]), f'{where}.bbox')
    if not 0 <= score <= 1:
        raise AMFACError(f'{where}.score={score:g} must lie in [0, 1]')
    return box, score

"""Person boxes of annotated pictures: the annotated ones, a detector's, or those of a file."""

from pathlib import Path

import numpy as np

from benchmarks.scoring.coco_ap import counts
from mmpose_amfac import geometry
from mmpose_amfac.apis.boxes import BoxFile
from mmpose_amfac.apis.sources import Frame
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
    """All boxes of a file."""

    def __init__(self, path, content: dict):
        self._boxes = BoxFile(path)
        # a list names its pictures by their ids, annotations by their file names
        self._by_id = isinstance(read_json(path, 'box file'), list)
        digest = sha256(path)
        self.id = f'{Path(path).name} {digest[:8]}'
        self.facts = dict(source='file', file=Path(path).name, sha256=digest)
        frames = [self._frame(entry) for entry in content['images']]
        if not any(len(self._boxes(frame)[0]) for frame in frames):
            raise AMFACError(f'--boxes {path} has no box for any of these pictures; check image_id')

    def _frame(self, entry: dict) -> Frame:
        return Frame(str(entry['id']) if self._by_id else Path(entry['file_name']).name, 0, None)

    def __call__(self, entry: dict, picture):
        return self._boxes(self._frame(entry))

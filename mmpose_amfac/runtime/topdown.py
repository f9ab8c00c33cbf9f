"""``TopDown``: pictures and boxes -> crops -> joints -> ``Poses``, whatever runs the network."""

from abc import ABC, abstractmethod

import cv2
import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError, integer
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import Skeleton

# faults that one error names
TOLD = 5


class TopDown(ABC):
    """Joints of boxes, batched over people and pictures; a subclass gives :meth:`forward`.

    Attributes:
        input_size: (width, height) of a crop, pixels.
        skeleton: :class:`~mmpose_amfac.skeletons.Skeleton` of the model.
        padding: factor on the box size.
        batch_size: crops that go through the network at once.
        detector: picture -> boxes (n, 4), scores (n,); None where boxes must be given.
    """

    detector = None

    def __init__(self, skeleton: Skeleton, input_size, padding: float, batch_size: int):
        integer('batch_size', batch_size)
        self.skeleton, self.input_size, self.padding = skeleton, tuple(input_size), padding
        self.batch_size = batch_size

    @property
    def num_keypoints(self) -> int:
        return len(self.skeleton)

    def __call__(self, images, bboxes=None, bbox_scores=None):
        """The persons of one picture or of several.

        A list is all or nothing: every picture, box and score is checked before the network runs, and one error names
        those that are wrong. (``apis.predict``, and with it ``amfacpose predict``, skips such pictures instead.)

        Args:
            images: (H, W, 3) uint8 BGR, or a list of them. A picture without pixels holds nobody.
            bboxes: boxes of one picture (n, 4), ``xyxy`` pixels, or for a list of pictures one such array each. No box
                gives no person. A box may reach beyond its picture or lie outside: the crop is black there.
            bbox_scores: (n,) in [0, 1], likewise; 1 by default.

        Returns:
            :class:`~mmpose_amfac.poses.Poses` for one picture, a list of them for a list.

        Raises:
            AMFACError: not a picture; not a box (wrong shape, not finite, without area); or neither boxes nor a
                detector.
        """
        single = not isinstance(images, (list, tuple))
        pictures = _all(_picture, [(image, 'image' if single else f'images[{i}]')
                                   for i, image in enumerate([images] if single else images)])
        if bboxes is None:
            if bbox_scores is not None:
                raise AMFACError('bbox_scores need the bboxes that they belong to')
            found = self._detect(pictures, single)
        else:
            boxes = _each(bboxes, 'bboxes', len(pictures), single, 2)
            scores = [(None, '')] * len(pictures) if bbox_scores is None else _each(
                bbox_scores, 'bbox_scores', len(pictures), single, 1)
            found = _all(_given, [(i, image, *b, *s) for i, (image, b, s) in enumerate(zip(pictures, boxes, scores))])
        poses = self._poses(pictures, *map(list, zip(*found))) if found else []
        return poses[0] if single else poses

    def crop(self, image: np.ndarray, boxes):
        """Crops (n, height, width, 3) uint8 BGR with their centres (n, 2) and padded sizes (n, 2) in pixels."""
        center, scale = geometry.boxes_to_center_scale(boxes, self.input_size, self.padding)
        return self.cut(image, center, scale), center, scale

    def cut(self, image: np.ndarray, center, scale) -> np.ndarray:
        """Crops (n, height, width, 3) uint8 BGR at centres (n, 2) of padded sizes (n, 2)."""
        try:
            return geometry.crop(image, center, scale, self.input_size)
        except cv2.error as error:
            raise AMFACError(f'OpenCV cannot cut crops out of a picture of the shape {image.shape}: {error.err}'
                             ) from None

    @abstractmethod
    def forward(self, crops: np.ndarray):
        """Crops (n, height, width, 3) uint8 BGR -> joints (n, K, 2) in pixels of the crop and scores (n, K)."""

    def to_image(self, keypoints, center, scale) -> np.ndarray:
        """Joints (n, K, 2) of crops -> pixels of their pictures."""
        return geometry.to_image(keypoints, center, scale, self.input_size)

    def _detect(self, pictures, single: bool):
        if self.detector is None:
            raise AMFACError("no boxes were given and there is no detector: give bboxes=..., a detector, or "
                             "detector='whole_image' where each picture shows one person")
        return _all(lambda image, name: detected(self.detector(image) if image.size else ((), ()), name),
                    [(image, "the detector's boxes" + ('' if single else f' of images[{i}]'))
                     for i, image in enumerate(pictures)])

    def _poses(self, pictures, boxes, scores) -> list[Poses]:
        """All crops of all pictures through the network, and back to their pictures."""
        counts = [len(b) for b in boxes]
        owners = np.repeat(np.arange(len(pictures)), counts)
        if not len(owners):
            return [Poses.empty(self.num_keypoints) for _ in pictures]
        center, scale = geometry.boxes_to_center_scale(np.concatenate(boxes), self.input_size, self.padding)

        def crops(rows: slice) -> np.ndarray:
            """Cut where they are needed, so that never all crops are held."""
            return np.concatenate([self.cut(pictures[i], center[rows][owners[rows] == i],
                                            scale[rows][owners[rows] == i]) for i in np.unique(owners[rows])])

        keypoints, keypoint_scores = self._run(len(owners), crops)
        keypoints = self.to_image(keypoints, center, scale)
        ends = np.cumsum(counts)
        return [Poses.of_raw(keypoints[end - n:end], keypoint_scores[end - n:end], b, s) if n
                else Poses.empty(self.num_keypoints) for end, n, b, s in zip(ends, counts, boxes, scores)]

    def _run(self, count: int, crops):
        """Joints and scores, which may be raw, of ``count`` crops; ``crops(slice)`` cuts some of them."""
        rows = [slice(i, min(i + self.batch_size, count)) for i in range(0, count, self.batch_size)]
        return tuple(map(np.concatenate, zip(*(self.forward(crops(r)) for r in rows))))


def detected(result, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) and scores (n,), float32, that a detector returned.

    Args:
        result: of the detector.
        name: what an error calls the boxes.

    Raises:
        AMFACError: not two such arrays, a box without area, or a score outside [0, 1].
    """
    try:
        boxes, scores = result
    except (TypeError, ValueError):
        raise AMFACError(f'{name}: a detector must return boxes (n, 4) and scores (n,)') from None
    boxes = _boxes(boxes, name)
    return boxes, _scores(scores, f'scores of {name}', len(boxes))


def _all(check, items) -> list:
    """``check(*item)`` of every item; one error names those that fail it."""
    results, faults = [], []
    for item in items:
        try:
            results.append(check(*item))
        except AMFACError as error:
            faults.append(error)
    if len(faults) > 1:
        more = [f'and {len(faults) - TOLD} more'] if len(faults) > TOLD else []
        raise AMFACError('; '.join([*map(str, faults[:TOLD]), *more]))
    if faults:
        raise faults[0]
    return results


def _picture(image, name: str) -> np.ndarray:
    geometry.check_image(image, name)
    # once, else OpenCV copies a flipped or transposed picture for each crop
    return np.ascontiguousarray(image)


def _given(i: int, image, boxes, boxes_name: str, scores, scores_name: str):
    boxes = _boxes(boxes, boxes_name)
    if image.size == 0 and len(boxes):
        raise AMFACError(f'images[{i}] has no pixels {image.shape}, but {len(boxes)} boxes')
    return boxes, np.ones(len(boxes), np.float32) if scores is None else _scores(scores, scores_name, len(boxes))


def _each(values, field: str, count: int, single: bool, depth: int):
    """(values, name) of each picture; ``depth`` is the number of axes that those of one picture have."""
    if single:
        nested = isinstance(values, (list, tuple)) and len(values) == 1 and _array(values[0], field).ndim == depth
        return [(values[0] if nested else values, field)]
    try:
        found = len(values)
    except TypeError:
        found = None
    if found != count:
        raise AMFACError(f'{field} must hold one array for each of the {count} images, got '
                         f'{type(values).__name__ if found is None else found}')
    return [(value, f'{field}[{i}]') for i, value in enumerate(values)]


def _array(values, field: str) -> np.ndarray:
    try:
        # what float32 cannot hold becomes infinite, which the checks refuse
        with np.errstate(over='ignore'):
            return np.asarray(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise AMFACError(f'{field} must be an array of numbers') from None


def _boxes(values, field: str) -> np.ndarray:
    return geometry.check_boxes(_array(values, field), field)


def _scores(values, field: str, count: int) -> np.ndarray:
    values = _array(values, field)
    if values.size == count == 0:
        return np.zeros(0, np.float32)
    if values.shape != (count, ) or not ((values >= 0) & (values <= 1)).all():
        raise AMFACError(f'{field} must be {count} numbers in [0, 1], one for each box')
    return values

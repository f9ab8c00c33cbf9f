"""``Poses``: what every estimator returns for one picture."""

from dataclasses import dataclass

import numpy as np

from mmpose_amfac.errors import AMFACError

SCORED_JOINT = 0.2


@dataclass(eq=False)
class Poses:
    """The persons of one picture.

    Args:
        keypoints: (n, K, 2) pixels of the picture.
        keypoint_scores: (n, K) in [0, 1].
        bboxes: (n, 4) ``xyxy`` pixels, not padded.
        bbox_scores: (n,) in [0, 1]; 1 for boxes that the user gave without a score.
        scores: (n,) by which persons are ranked; :func:`person_scores` of the others unless given.

    All arrays become float32. ``len`` is n, ``poses[mask]``, ``poses[slice]`` and ``poses[index]`` are ``Poses``.

    Raises:
        AMFACError: shapes that do not belong together, values that are not finite or scores outside [0, 1].
    """

    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    bboxes: np.ndarray
    bbox_scores: np.ndarray
    scores: np.ndarray | None = None

    def __post_init__(self):
        self.keypoints = np.asarray(self.keypoints, np.float32)
        if self.keypoints.ndim != 3 or self.keypoints.shape[2] != 2:
            raise AMFACError(f'keypoints must have the shape (n, K, 2), got {self.keypoints.shape}')
        n, joints = self.keypoints.shape[:2]
        shapes = dict(keypoint_scores=(n, joints), bboxes=(n, 4), bbox_scores=(n, ), scores=(n, ))
        for field, shape in shapes.items():
            if field == 'scores' and self.scores is None:
                self.scores = person_scores(self.keypoint_scores, self.bbox_scores)
            value = np.asarray(getattr(self, field), np.float32)
            if value.shape != shape:
                raise AMFACError(f'{field} must have the shape {shape} for keypoints {self.keypoints.shape}, '
                                 f'got {value.shape}')
            setattr(self, field, value)
        for field, value in vars(self).items():
            if not np.isfinite(value).all():
                raise AMFACError(f'{field} holds a value that is not finite')
            if field.endswith('_scores') and ((value < 0) | (value > 1)).any():
                raise AMFACError(f'{field} must lie in [0, 1], got {value.min():g} to {value.max():g}')

    @classmethod
    def of_raw(cls, keypoints, raw_scores, bboxes, bbox_scores) -> 'Poses':
        """Poses whose joint scores (n, K) are no probabilities: RTMPose's may lie above 1.

        They are clipped to [0, 1], but the persons are ranked by the raw ones, as MMPose ranks them: clipped, all who
        are sure would be equal.
        """
        return cls(keypoints, np.clip(raw_scores, 0, 1), bboxes, bbox_scores, person_scores(raw_scores, bbox_scores))

    @classmethod
    def empty(cls, num_keypoints: int) -> 'Poses':
        """Nobody in the picture."""
        return cls(np.zeros((0, num_keypoints, 2)), np.zeros((0, num_keypoints)), np.zeros((0, 4)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index) -> 'Poses':
        if isinstance(index, (int, np.integer)):
            index = [index]
        return Poses(*(value[index] for value in vars(self).values()))

    def to_coco(self, image_id, category_id: int = 1, first_id: int = 1) -> list[dict]:
        """COCO key-point results in plain Python numbers, ready for ``json.dump`` and ``COCO.loadRes``.

        ``keypoints`` is flat x, y, score; ``bbox`` is ``xywh``; ``score`` is :attr:`scores`; ids count from
        ``first_id``. Coordinates are rounded to 1/1000 pixel and scores to six digits.
        """
        triples = np.concatenate([_round(self.keypoints, 3), _round(self.keypoint_scores, 6)[..., None]], axis=2)
        xywh = np.concatenate([self.bboxes[:, :2], self.bboxes[:, 2:] - self.bboxes[:, :2]], axis=1)
        return [
            dict(id=first_id + i, image_id=image_id, category_id=category_id, keypoints=triples[i].ravel().tolist(),
                 keypoint_scores=triples[i, :, 2].tolist(), bbox=_round(xywh[i], 3).tolist(),
                 bbox_score=_round(self.bbox_scores[i], 6).item(), score=_round(self.scores[i], 6).item())
            for i in range(len(self))
        ]

    @classmethod
    def from_coco(cls, results: list[dict], num_keypoints: int) -> 'Poses':
        """The inverse of :meth:`to_coco` for the results of one picture.

        Results of other tools work too: without ``bbox_score`` the box score is 1, without ``bbox`` the box is the
        tightest one around the joints.

        Raises:
            AMFACError: an entry whose ``keypoints`` are not ``3 * num_keypoints`` numbers, or ``bbox`` not four.
        """
        rows = []
        for i, result in enumerate(results):
            flat = np.asarray(result.get('keypoints', ()), np.float32)
            if flat.shape != (3 * num_keypoints, ):
                raise AMFACError(f'results[{i}].keypoints must be {3 * num_keypoints} numbers (x, y, score of '
                                 f'{num_keypoints} joints), got {flat.size}')
            triples = flat.reshape(-1, 3)
            if 'bbox' in result:
                box = np.array(result['bbox'], np.float32)
                if box.shape != (4, ):
                    raise AMFACError(f'results[{i}].bbox must be four numbers (xywh), got {result["bbox"]!r}')
                box[2:] += box[:2]
            else:
                box = (*triples[:, :2].min(axis=0), *triples[:, :2].max(axis=0))
            rows.append((triples[:, :2], triples[:, 2], box, result.get('bbox_score', 1.0)))
        return cls(*map(np.stack, zip(*rows))) if rows else cls.empty(num_keypoints)


def person_scores(joint_scores, bbox_scores, scored_joint: float = SCORED_JOINT) -> np.ndarray:
    """(n,) score of each person as MMPose's ``CocoMetric`` ranks it (``score_mode='bbox_keypoint'``).

    That is the box score times the mean of the joint scores above ``scored_joint``, and 0 when none is above it.

    Args:
        joint_scores: (n, K).
        bbox_scores: (n,).
        scored_joint: MMPose's ``keypoint_score_thr``.
    """
    counted = np.asarray(joint_scores) > scored_joint
    return bbox_scores * np.where(counted, joint_scores, 0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)


def _round(values, digits: int) -> np.ndarray:
    return np.round(np.asarray(values, np.float64), digits)

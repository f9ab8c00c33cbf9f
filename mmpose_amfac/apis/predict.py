"""``predict``: pictures -> persons, crops batched across pictures."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mmpose_amfac.apis.sources import Frame
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.runtime.topdown import detected


@dataclass
class _Job:
    """A frame whose crops are on their way through the network."""

    frame: Frame
    boxes: np.ndarray
    scores: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    missing: int

    def poses(self, estimator) -> Poses:
        if not len(self.boxes):
            return Poses.empty(estimator.num_keypoints)
        return Poses(estimator.to_image(self.keypoints, self.center, self.scale), self.keypoint_scores, self.boxes,
                     self.scores)


def predict(frames: Iterable[Frame], estimator, detector=None, boxes=None) -> Iterator[tuple[Frame, Poses]]:
    """Poses of each frame, in the order of the frames.

    The network is called with ``estimator.batch_size`` crops, gathered across frames, so persons spread over many
    frames cost as few calls as persons in one. At most ``batch_size`` frames wait for their crops. Nobody found gives
    empty ``Poses``; the whole picture is never taken instead.

    Args:
        frames: of :func:`~mmpose_amfac.apis.sources.open_source`.
        estimator: a :class:`~mmpose_amfac.runtime.topdown.TopDown`, or what has its methods.
        detector: picture -> boxes (n, 4), scores (n,).
        boxes: :class:`~mmpose_amfac.apis.boxes.BoxFile` or a callable frame -> boxes, scores, instead of a detector.

    Yields:
        The frame and its poses. A frame that could not be read passes with its ``error``; so does one that ``boxes``
        does not know, whose boxes or scores are wrong, or whose poses are no numbers, with ``image=None``.

    Raises:
        AMFACError: not exactly one of ``detector`` and ``boxes``.
    """
    if (detector is None) == (boxes is None):
        raise AMFACError('give either a detector or boxes')
    return _predict(frames, estimator, boxes or (lambda frame: detector(frame.image)))


def _predict(frames, estimator, find):
    size = estimator.batch_size
    jobs, crops = deque(), deque()
    for frame in frames:
        job, new = _start(frame, estimator, find)
        jobs.append(job)
        crops.extend((job, row, crop) for row, crop in enumerate(new))
        while len(crops) >= size:
            _run(estimator, [crops.popleft() for _ in range(size)])
        if len(jobs) >= size and jobs[0].missing:
            # too many frames wait for a full batch
            _run(estimator, [crops.popleft() for _ in range(len(crops))])
        yield from _finished(jobs, estimator)
    if crops:
        _run(estimator, list(crops))
    yield from _finished(jobs, estimator)


def _start(frame: Frame, estimator, find) -> tuple[_Job, np.ndarray]:
    found, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    new, center, scale = (), None, None
    if frame.image is not None:
        try:
            boxes, values = detected(find(frame), 'the boxes')
            if len(boxes):
                new, center, scale = estimator.crop(frame.image, boxes)
            found, scores = boxes, values
        except AMFACError as error:
            frame = _skipped(frame, error)
    joints = estimator.num_keypoints
    job = _Job(frame, found, scores, center, scale, np.zeros((len(found), joints, 2), np.float32),
               np.zeros((len(found), joints), np.float32), len(found))
    return job, new


def _run(estimator, batch) -> None:
    keypoints, scores = estimator.forward(np.stack([crop for _, _, crop in batch]))
    for (job, row, _), points, values in zip(batch, keypoints, scores):
        job.keypoints[row], job.keypoint_scores[row] = points, values
        job.missing -= 1


def _finished(jobs: deque, estimator):
    while jobs and not jobs[0].missing:
        job = jobs.popleft()
        try:
            result = job.frame, job.poses(estimator)
        except AMFACError as error:
            result = _skipped(job.frame, error), Poses.empty(estimator.num_keypoints)
        yield result


def _skipped(frame: Frame, error: AMFACError) -> Frame:
    return Frame(frame.name, frame.index, None, str(error))

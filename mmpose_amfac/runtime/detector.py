"""OnnxDetector, RTMDet's person boxes through ONNX Runtime."""

from numbers import Real

import cv2
import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError, integers
from mmpose_amfac.runtime.engines import Engine, open_engine, told

WHOLE_IMAGE = 'whole_image'
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
STD = np.array([57.375, 57.12, 58.395], np.float32)
PAD = 114
PERSON = 0
DEFAULT_SIZE = 320


class OnnxDetector:
    """Person boxes of an RTMDet file with NMS inside (MMDeploy's detection export).

    The file has one input (batch, 3, H, W) and the outputs ``dets`` (batch, N, 5) = x1, y1, x2, y2, score in input
    pixels, and ``labels`` (batch, N). It runs on the CPU.

    Args:
        path: ``.onnx`` file.
        input_size: (width, height) of the network input; ``None`` takes the size that the file is fixed to, and 320
            where it is not. A file with a fixed size must agree.
        score_thr: boxes below this score are dropped.
        threads: threads of one inference; ``None`` leaves the choice to ONNX Runtime.

    Raises:
        MissingPackageError: ONNX Runtime is not installed.
        AMFACError: no such file, not an ONNX file, or not such a detector; a threshold outside [0, 1].
    """

    def __init__(self, path, input_size=None, score_thr: float = 0.3, threads: int | None = None):
        check_score_thr(score_thr)
        if input_size is not None:
            integers('input_size', input_size, 2)
        self.score_thr = score_thr
        self.engine = open_engine(path, 'onnxruntime', threads=threads, kind='detector')
        self.input_size = _input_size(self.engine, path, input_size)

    def __call__(self, image: np.ndarray):
        """Boxes (n, 4) ``xyxy`` pixels inside the picture and scores (n,), float32, best first.

        Args:
            image: (H, W, 3) uint8 BGR. One without pixels holds nobody.

        Raises:
            AMFACError: not a picture, or the file gives other shapes than a detector's.
        """
        geometry.check_image(image)
        if not image.size:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        canvas, zoom = letterbox(image, self.input_size)
        results = self.engine(geometry.normalise(canvas[None], 'bgr', MEAN, STD))
        dets, labels = map(dict(zip(self.engine.output_names, results)).get, ('dets', 'labels'))
        if dets.ndim != 3 or dets.shape[::2] != (1, 5) or labels.shape != dets.shape[:2]:
            raise AMFACError(f'{self.engine.path} gives dets {dets.shape} and labels {labels.shape} for one picture; '
                             '(1, N, 5) and (1, N) are needed')
        (dets, ), (labels, ) = dets, labels
        # a picture without a person gives one row of zeros, which the score removes
        keep = (dets[:, 4] >= max(self.score_thr, np.finfo(np.float32).tiny)) & (labels == PERSON)
        return keep_inside(dets[keep, :4] / zoom, dets[keep, 4], image.shape)


class WholeImage:
    """One box, the picture itself, with score 1."""

    def __call__(self, image: np.ndarray):
        """Boxes (1, 4) and scores (1,)."""
        height, width = image.shape[:2]
        return np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)


def open_detector(spec, score_thr: float = 0.3, threads: int | None = None):
    """A detector that needs no PyTorch.

    Args:
        spec: an RTMDet ``.onnx`` file, ``'whole_image'``, or a callable, which is returned as it is.
        score_thr: boxes of a file below this score are dropped.
        threads: of a file's inference.

    Raises:
        AMFACError: none of these, or a threshold outside [0, 1].
    """
    check_score_thr(score_thr)
    if callable(spec):
        return spec
    if spec == WHOLE_IMAGE:
        return WholeImage()
    if not str(spec).lower().endswith('.onnx'):
        raise AMFACError(f'detector={spec!r} is not known; give an RTMDet FILE.onnx, {WHOLE_IMAGE!r} or a callable '
                         'picture -> boxes, scores')
    return OnnxDetector(spec, score_thr=score_thr, threads=threads)


def check_score_thr(score_thr) -> None:
    """Raise :class:`AMFACError` unless the threshold can be reached by a score: above 1 nobody would be found."""
    if not isinstance(score_thr, Real) or isinstance(score_thr, bool) or not 0 <= score_thr <= 1:
        raise AMFACError(f'score_thr={score_thr!r} must be a number in [0, 1]')


def letterbox(image: np.ndarray, input_size):
    """The picture at the top left of a grey canvas, and the zoom that was applied to it."""
    width, height = input_size
    zoom = min(height / image.shape[0], width / image.shape[1])
    size = max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom))
    canvas = np.full((height, width, 3), PAD, np.uint8)
    canvas[:size[1], :size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return canvas, zoom


def keep_inside(boxes, scores, shape):
    """Clip boxes to the picture, drop what has no area left, sort by score.

    Args:
        boxes: (n, 4) ``xyxy`` pixels.
        scores: (n,).
        shape: of the picture, (H, W, ...).
    """
    height, width = shape[:2]
    boxes = np.clip(np.asarray(boxes, np.float32).reshape(-1, 4), 0, np.array([width, height] * 2, np.float32))
    scores = np.asarray(scores, np.float32).reshape(-1)
    order = np.argsort(-scores, kind='stable')
    order = order[geometry.has_area(boxes[order])]
    return boxes[order], scores[order]


def _input_size(engine: Engine, path, wanted) -> tuple[int, int]:
    """(width, height) to use, once the file's input and outputs are those of an RTMDet detector."""
    shape, outputs = engine.input_shape, set(engine.output_names)
    if not {'dets', 'labels'} <= outputs:
        raise AMFACError(f'{path} is not an RTMDet detector: it has the outputs {sorted(outputs)}; the '
                         "outputs 'dets' and 'labels' are needed")
    if len(shape) != 4 or shape[0] not in (1, None) or shape[1] not in (3, None):
        raise AMFACError(f'{path} takes the input {told(shape)}; (batch, 3, height, width) with a batch of 1 is needed')
    width, height = wanted or (shape[3] or DEFAULT_SIZE, shape[2] or DEFAULT_SIZE)
    if shape[3] not in (None, width) or shape[2] not in (None, height):
        raise AMFACError(f'{path} takes the input {told(shape)}, which input_size={(width, height)} (width, height) '
                         'does not fit')
    return width, height

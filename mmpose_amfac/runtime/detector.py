"""OnnxDetector, RTMDet's person boxes through ONNX Runtime."""

from pathlib import Path

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError, MissingPackageError

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
        AMFACError: no such file, not an ONNX file, or not such a detector.
    """

    def __init__(self, path, input_size=None, score_thr: float = 0.3, threads: int | None = None):
        self.score_thr = score_thr
        self.session = _open(Path(path), threads)
        self.input_size = _input_size(self.session, path, input_size)
        self._input = self.session.get_inputs()[0].name

    def __call__(self, image: np.ndarray):
        """Boxes (n, 4) ``xyxy`` pixels inside the picture and scores (n,), float32, best first.

        Args:
            image: (H, W, 3) uint8 BGR.
        """
        canvas, zoom = letterbox(image, self.input_size)
        blob = ((canvas.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)[None]
        dets, labels = self.session.run(['dets', 'labels'], {self._input: blob})
        # a picture without a person gives one row of zeros, which the score removes
        keep = (dets[0, :, 4] >= max(self.score_thr, np.finfo(np.float32).tiny)) & (labels[0] == PERSON)
        boxes, scores = dets[0, keep, :4] / zoom, dets[0, keep, 4]
        return keep_inside(boxes, scores, image.shape)


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
    order = order[(boxes[order, 2:] > boxes[order, :2]).all(axis=1)]
    return boxes[order], scores[order]


def _open(path: Path, threads: int | None):
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ModuleNotFoundError:
        raise MissingPackageError('an ONNX detector needs ONNX Runtime: python -m pip install onnxruntime') from None
    if not path.is_file():
        raise AMFACError(f'detector file {path} does not exist')
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    options.log_severity_level = 3
    broken = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented,
              state.RuntimeException)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    except broken as error:
        reason = str(error).strip().splitlines()[0]
        raise AMFACError(f'detector file {path} is not a usable ONNX file: {reason}') from None


def _input_size(session, path, wanted) -> tuple[int, int]:
    """(width, height) to use, once the file's inputs and outputs are those of an RTMDet detector."""
    inputs, outputs = session.get_inputs(), {o.name for o in session.get_outputs()}
    if len(inputs) != 1 or not {'dets', 'labels'} <= outputs:
        raise AMFACError(f'{path} is not an RTMDet detector: it has the inputs {[i.name for i in inputs]} and the '
                         f"outputs {sorted(outputs)}; one input and the outputs 'dets' and 'labels' are needed")
    shape = inputs[0].shape
    if len(shape) != 4 or (_fixed(shape[0], 1), _fixed(shape[1], 3)) != (1, 3):
        raise AMFACError(f'{path} takes the input {shape}; (batch, 3, height, width) with a batch of 1 is needed')
    fixed = _fixed(shape[3], DEFAULT_SIZE), _fixed(shape[2], DEFAULT_SIZE)
    if wanted is None:
        return fixed
    wanted = tuple(wanted)
    if (_fixed(shape[3], wanted[0]), _fixed(shape[2], wanted[1])) != wanted:
        raise AMFACError(f'{path} takes the input {shape}, which input_size={wanted} (width, height) does not fit')
    return wanted


def _fixed(length, otherwise: int) -> int:
    # a length that the file leaves open is a name or None
    return length if isinstance(length, int) else otherwise

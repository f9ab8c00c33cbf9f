"""MoveNet, single-pose ONNX files of a network that finds one person in a square picture."""

import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.runtime.engines import Engine, first_line, open_engine, usable_cores
from mmpose_amfac.runtime.topdown import TopDown
from mmpose_amfac.skeletons import COCO17

PADDING = 1.1
OUTPUT = (1, 1, len(COCO17), 3)
TYPES = {'tensor(int32)': np.int32, 'tensor(uint8)': np.uint8}


def is_movenet(engine: Engine) -> bool:
    """Whether the opened file takes whole numbers (1, S, S, 3) and gives (1, 1, 17, 3)."""
    session = getattr(engine, 'session', None)
    if session is None:
        return False
    node, = session.get_inputs()
    return (node.type in TYPES and [tuple(out.shape) for out in session.get_outputs()] == [OUTPUT]
            and engine.input_shape == (1, engine.input_shape[1], engine.input_shape[1], 3))


class MoveNet(TopDown):
    """Joints of boxes by a single-pose MoveNet, one person after the other.

    It sees a square of 1.1 times the longer side of the box, black outside the box: with a neighbour in the square it
    would choose between the two.

    Args:
        path: ``.onnx`` file with the input (1, S, S, 3), int32 or uint8, RGB, and the output (1, 1, 17, 3): y, x and
            score, y and x in parts of S.
        threads: of the CPU; all usable cores by default.

    Raises:
        AMFACError: not such a file.
    """

    backend = 'onnxruntime'
    flip = False

    def __init__(self, path, threads: int | None = None):
        self.threads = usable_cores() if threads is None else threads
        self.weights, self.engine = path, open_engine(path, self.backend, threads=self.threads)
        if not is_movenet(self.engine):
            raise AMFACError(f'{path} is no MoveNet file: whole numbers (1, S, S, 3) in and {OUTPUT} out are needed')
        side = self.engine.input_shape[1]
        self._type = TYPES[self.engine.session.get_inputs()[0].type]
        super().__init__(COCO17, (side, side), PADDING, 1)

    def crop(self, image, boxes):
        """Crops (n, S, S, 3) uint8 BGR, black outside the boxes, with their centres (n, 2) and sizes (n, 2)."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        center, scale = geometry.boxes_to_center_scale(boxes, self.input_size, self.padding)
        height, width = image.shape[:2]
        low = np.floor(boxes[:, :2]).clip(0, (width, height)).astype(int)
        high = np.ceil(boxes[:, 2:]).clip(0, (width, height)).astype(int)
        crops = np.zeros((len(boxes), *self.input_size, 3), np.uint8)
        for out, (left, top), (right, bottom), c, s in zip(crops, low, high, center, scale):
            # what the box cuts out, as a picture of its own: beyond its edges the crop is black
            part = image[top:bottom, left:right]
            if part.size:
                out[:] = self.cut(part, c[None] - (left, top), s[None])[0]
        return crops, center, scale

    def forward(self, crops: np.ndarray):
        """Crops (n, S, S, 3) uint8 BGR -> joints (n, 17, 2) in pixels of the crop and scores (n, 17)."""
        found = np.zeros((len(crops), *OUTPUT[2:]), np.float32)
        for row, crop in zip(found, crops):
            try:
                output, = self.engine.session.run(None, {self.engine.input_name: crop[None, ..., ::-1].astype(
                    self._type)})
            except Exception as error:  # the exceptions of ONNX Runtime have no common base of their own
                raise AMFACError(f'{self.weights} failed in {self.engine.provider}: {first_line(error)}') from None
            row[:] = output[0, 0]
        return found[..., 1::-1] * self.input_size[0], found[..., 2].clip(0, 1)

    def _poses(self, pictures, boxes, scores) -> list[Poses]:
        return [self._picture(*one) for one in zip(pictures, boxes, scores)]

    def _picture(self, image, boxes, scores) -> Poses:
        if not len(boxes):
            return Poses.empty(self.num_keypoints)
        crops, center, scale = self.crop(image, boxes)
        keypoints, keypoint_scores = self.forward(crops)
        return Poses(self.to_image(keypoints, center, scale), keypoint_scores, boxes, scores)

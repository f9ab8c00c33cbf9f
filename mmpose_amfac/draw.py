"""Skeletons on pictures, with OpenCV."""

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import COCO17, Skeleton

# cv2 draws at 1/16 pixel
_SHIFT = 4
_OUTLINE = (32, 32, 32)
_BOX = (230, 230, 230)


def draw_poses(image: np.ndarray, poses: Poses, skeleton: Skeleton = COCO17, kpt_thr: float = 0.5,
               boxes: bool = True) -> np.ndarray:
    """Draw links and joints (and boxes) of all persons, the best person last.

    Widths follow the size of the person, within what the picture allows. Left and right have the skeleton's colours.
    A link needs both joints at or above the threshold. A joint may lie outside the picture: its links end at the
    border; one that is farther away than eight picture sizes is left out.

    Args:
        image: (H, W, 3) uint8 BGR; not changed.
        poses: what to draw.
        skeleton: links and colours; must have the joints of ``poses``.
        kpt_thr: joints below this score are not drawn.
        boxes: draw the boxes and their scores.

    Returns:
        (H, W, 3) uint8 BGR, a new array.

    Raises:
        AMFACError: ``image`` is not such an array, or another number of joints.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise AMFACError(f'image must be (H, W, 3) uint8 BGR, got {image.shape} {image.dtype}')
    if poses.keypoints.shape[1] != len(skeleton):
        raise AMFACError(f'poses have {poses.keypoints.shape[1]} joints, skeleton {skeleton.name!r} has '
                         f'{len(skeleton)}')
    canvas = np.ascontiguousarray(image).copy()
    for i in np.argsort(poses.scores, kind='stable'):
        width = _line_width(poses.bboxes[i], canvas.shape)
        if boxes:
            _draw_box(canvas, poses.bboxes[i], poses.bbox_scores[i], width)
        _draw_person(canvas, poses.keypoints[i], poses.keypoint_scores[i] >= kpt_thr, skeleton, width)
    return canvas


def _line_width(box, shape) -> int:
    """Pixels: 1/90 of the person's longer side, but at most 1/120 of the picture's and at least 1."""
    person = max(box[2] - box[0], box[3] - box[1])
    return max(1, round(min(person / 90, max(shape[:2]) / 120)))


def _draw_person(canvas, keypoints, shown, skeleton: Skeleton, width: int) -> None:
    reach = 8 * max(canvas.shape[:2])
    shown = shown & (np.abs(keypoints) < reach).all(axis=1)
    points = np.rint(np.where(shown[:, None], keypoints, 0) * (1 << _SHIFT)).astype(int).tolist()
    for (a, b), color in zip(skeleton.links, skeleton.link_colors):
        if shown[a] and shown[b]:
            cv2.line(canvas, points[a], points[b], color[::-1], width, cv2.LINE_AA, _SHIFT)
    radius = round(1.25 * width * (1 << _SHIFT))
    for joint in np.flatnonzero(shown):
        # the dark rim keeps a joint visible on a link or on clothes of its own colour
        cv2.circle(canvas, points[joint], radius + (1 << _SHIFT), _OUTLINE, -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(canvas, points[joint], radius, skeleton.joint_colors[joint][::-1], -1, cv2.LINE_AA, _SHIFT)


def _draw_box(canvas, box, score, width: int) -> None:
    height, full_width = canvas.shape[:2]
    x1, y1, x2, y2 = np.rint(np.clip(box, -1, [full_width, height] * 2)).astype(int).tolist()
    thickness = max(1, width // 2)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), _BOX, thickness, cv2.LINE_AA)
    size = max(0.35, width / 6)
    text = f'{score:.2f}'
    (_, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    origin = (max(x1, 0) + 2 * thickness, max(y1, 0) + text_height + 2 * thickness)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, _OUTLINE, 3 * thickness, cv2.LINE_AA)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, _BOX, thickness, cv2.LINE_AA)

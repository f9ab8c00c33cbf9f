"""Box -> crop -> back to the picture, in numpy and OpenCV.

The convention is MMPose's ``GetBBoxCenterScale`` + ``TopdownAffine`` without UDP: a padded box with centre ``c`` and
size ``s`` (pixels) covers the network input ``[0, W] x [0, H]``, so ``x_input = (x - c_x) * W / s_x + W / 2``.
All boxes are ``xyxy`` in pixels unless a name says ``xywh``.
"""

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError

PADDING = 1.25
# pixels; beyond, OpenCV's fixed-point coordinates and float32 are no longer exact
LIMIT = 1e6
# pixels; with smaller sides zooms would overflow
SMALLEST = 1e-3


def check_image(image, field: str = 'image') -> None:
    """Raise :class:`AMFACError` unless ``image`` is a (height, width, 3) uint8 array."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        told = f'{image.dtype} {image.shape}' if isinstance(image, np.ndarray) else (
            f'{type(image).__name__} (cv2.imread returns None for a file that it cannot read)')
        raise AMFACError(f'{field} must be a (height, width, 3) uint8 BGR array, got {told}')


def check_boxes(boxes, field: str = 'bboxes') -> np.ndarray:
    """Return ``boxes`` as float32 of shape (n, 4), ``xyxy`` pixels.

    Raises:
        AMFACError: wrong shape, values that are not finite or lie outside any picture, or a box without area.
    """
    # what float32 cannot hold becomes infinite, which is refused below
    with np.errstate(over='ignore'):
        boxes = np.asarray(boxes, dtype=np.float32)
    if boxes.size == 0:
        return np.zeros((0, 4), np.float32)
    if boxes.ndim == 1:
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise AMFACError(f'{field} must have the shape (n, 4) (xyxy pixels), got {boxes.shape}')
    if not np.isfinite(boxes).all():
        raise AMFACError(f'{field} holds a value that is not finite')
    far = np.flatnonzero((np.abs(boxes) >= LIMIT).any(axis=1))
    if far.size:
        raise AMFACError(f'{field}[{far[0]}]={boxes[far[0]].tolist()} lies outside any picture: |number| < '
                         f'{LIMIT:,.0f} pixels')
    bad = np.flatnonzero(~has_area(boxes))
    if bad.size:
        raise AMFACError(f'{field}[{bad[0]}]={boxes[bad[0]].tolist()} has no area; boxes are xyxy with x2 - x1 and '
                         f'y2 - y1 at least {SMALLEST:g} pixels (for xywh convert with geometry.xywh_to_xyxy)')
    return boxes


def has_area(boxes) -> np.ndarray:
    """For each box (n, 4) ``xyxy`` whether both sides have at least ``SMALLEST`` pixels."""
    return (boxes[:, 2:] - boxes[:, :2] >= np.float32(SMALLEST)).all(axis=1)


def xywh_to_xyxy(boxes) -> np.ndarray:
    """(n, 4) left, top, width, height -> left, top, right, bottom."""
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def xyxy_to_xywh(boxes) -> np.ndarray:
    """(n, 4) left, top, right, bottom -> left, top, width, height."""
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes


def boxes_to_center_scale(boxes, input_size, padding: float = PADDING):
    """Centre and padded size of each box, grown on its shorter side to the network's aspect ratio.

    Args:
        boxes: (n, 4) ``xyxy`` pixels.
        input_size: network input (width, height), pixels.
        padding: factor on the box size.

    Returns:
        center (n, 2) and scale (n, 2), float32, pixels of the picture.
    """
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    width, height = input_size
    aspect = width / height
    center = (boxes[:, :2] + boxes[:, 2:]) * 0.5
    size = (boxes[:, 2:] - boxes[:, :2]) * padding
    w = np.maximum(size[:, 0], size[:, 1] * aspect)
    return center, np.stack([w, w / aspect], axis=1)


def crop_matrix(center, scale, input_size) -> np.ndarray:
    """The 2x3 matrix that takes picture pixels to network-input pixels."""
    width, height = input_size
    zoom = width / float(scale[0])
    return np.array([[zoom, 0, width / 2 - zoom * center[0]],
                     [0, zoom, height / 2 - zoom * center[1]]], dtype=np.float64)


def crop(image: np.ndarray, center, scale, input_size) -> np.ndarray:
    """Cut crops out of one picture, bilinear, black where the picture ends.

    Args:
        image: (H, W, 3) uint8.
        center, scale: (n, 2) as :func:`boxes_to_center_scale` returns them.
        input_size: network input (width, height).

    Returns:
        (n, height, width, 3) uint8, channels in the order of ``image``.
    """
    width, height = input_size
    crops = np.empty((len(center), height, width, 3), np.uint8)
    for out, c, s in zip(crops, center, scale):
        cv2.warpAffine(image, crop_matrix(c, s, input_size), (width, height), dst=out, flags=cv2.INTER_LINEAR)
    return crops


def to_image(keypoints, center, scale, input_size) -> np.ndarray:
    """Key points (n, K, 2) from network-input pixels back to picture pixels: the inverse of :func:`crop_matrix`."""
    keypoints = np.asarray(keypoints, dtype=np.float32)
    center = np.asarray(center, dtype=np.float32)[:, None]
    scale = np.asarray(scale, dtype=np.float32)[:, None]
    return keypoints / np.asarray(input_size, np.float32) * scale + center - 0.5 * scale


def normalise(crops, channel_order: str, mean, std) -> np.ndarray:
    """Crops (n, h, w, 3) uint8 BGR -> network input (n, 3, h, w) float32, ``(value - mean) / std``.

    Args:
        channel_order: of the result, ``'rgb'`` or ``'bgr'``; ``mean`` and ``std`` are in this order.
    """
    crops = np.asarray(crops)
    out = np.empty((len(crops), 3, *crops.shape[1:3]), np.float32)
    scale = 1.0 / np.asarray(std, np.float32)
    shift = np.asarray(mean, np.float32) * scale
    for channel in range(3):
        plane = crops[..., 2 - channel if channel_order == 'rgb' else channel]
        np.multiply(plane, scale[channel], out=out[:, channel], dtype=np.float32)
        out[:, channel] -= shift[channel]
    return out

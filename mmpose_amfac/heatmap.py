"""Heatmaps in numpy: peak, refinement below one cell, and the mirrored picture's maps.

Cell ``c`` of a map with ``stride`` s stands for the coordinate ``c * s`` in pixels of the network input.
"""

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError, one_of

REFINE = ('none', 'quarter', 'dark')
# of a refinement, in cells: it looks no further
REACH = 2


def decode(heatmaps, stride: float = 4, refine: str = 'dark', kernel: int = 11):
    """Joints and scores of heatmaps, as MMPose's codec ``MSRAHeatmap`` decodes them.

    Args:
        heatmaps: (n, K, h, w).
        stride: input pixels per cell.
        refine: ``'none'`` takes the best cell, ``'quarter'`` moves a quarter of a cell to the higher neighbour, and
            ``'dark'`` makes one Newton step on the logarithm of the blurred map (arXiv 1910.06278); a step longer
            than the two cells that it was computed from is not made.
        kernel: side of DARK's Gaussian in cells, odd: 11 for maps trained with sigma 2, 17 for sigma 3.

    Returns:
        keypoints (n, K, 2) in pixels of the network input and scores (n, K) = peaks, float32.
    """
    one_of('refine', refine, REFINE)
    maps = np.asarray(heatmaps, np.float32)
    if maps.ndim != 4:
        raise AMFACError(f'heatmaps must have the shape (n, K, h, w), got {maps.shape}')
    n, joints, height, width = maps.shape
    maps = maps.reshape(n * joints, height, width)
    best = maps.reshape(len(maps), height * width).argmax(1)
    y, x = np.unravel_index(best, (height, width))
    peaks = maps[np.arange(len(maps)), y, x]
    cells = np.stack([x, y], axis=1).astype(np.float32)
    if refine == 'quarter':
        cells += _quarter(maps, x, y)
    elif refine == 'dark':
        cells += _dark(maps, x, y, peaks, kernel)
    return (cells * np.float32(stride)).reshape(n, joints, 2), peaks.reshape(n, joints)


def flip_back(heatmaps, flip_indices) -> np.ndarray:
    """Maps (n, K, h, w) of mirrored crops in the order of the original joints and the place of the original picture.

    A mirrored picture maps pixel x to W - 1 - x, reversed cells map it to W - s - x: for maps of stride 4 that is
    nearly one cell too far left, so they are shifted one cell to the right.
    """
    maps = np.asarray(heatmaps)[:, flip_indices, :, ::-1].copy()
    maps[..., 1:] = maps[..., :-1].copy()
    return maps


def _quarter(maps, x, y) -> np.ndarray:
    height, width = maps.shape[1:]
    index = np.arange(len(maps))
    steps = []
    for position, length, dx, dy in ((x, width, 1, 0), (y, height, 0, 1)):
        inside = (position > 1) & (position < length - 1) & (x > 0) & (x < width) & (y > 0) & (y < height)
        i, a, b = index[inside], x[inside], y[inside]
        step = np.zeros(len(maps), np.float32)
        step[inside] = np.sign(maps[i, b + dy, a + dx] - maps[i, b - dy, a - dx]) * 0.25
        steps.append(step)
    return np.stack(steps, axis=1)


def _dark(maps, x, y, peaks, kernel: int) -> np.ndarray:
    height, width = maps.shape[1:]
    steps = np.zeros((len(maps), 2), np.float32)
    inside = np.flatnonzero((x > 1) & (x < width - REACH) & (y > 1) & (y < height - REACH) & (peaks > 0))
    if not len(inside):
        return steps
    # 5 x 5 cells around each peak
    near = np.arange(-REACH, REACH + 1)
    logs = np.empty((len(inside), len(near), len(near)), np.float32)
    for out, i in zip(logs, inside):
        blurred = cv2.GaussianBlur(maps[i], (kernel, kernel), 0, borderType=cv2.BORDER_CONSTANT)
        scale = peaks[i] / blurred.max()
        patch = blurred[y[i] - REACH:y[i] + REACH + 1, x[i] - REACH:x[i] + REACH + 1]
        np.log(np.maximum(patch * scale, 1e-10), out=out)
    c = REACH
    dx = (logs[:, c, c + 1] - logs[:, c, c - 1]) / 2
    dy = (logs[:, c + 1, c] - logs[:, c - 1, c]) / 2
    dxx = (logs[:, c, c + 2] - 2 * logs[:, c, c] + logs[:, c, c - 2]) / 4
    dyy = (logs[:, c + 2, c] - 2 * logs[:, c, c] + logs[:, c - 2, c]) / 4
    dxy = (logs[:, c + 1, c + 1] - logs[:, c - 1, c + 1] - logs[:, c + 1, c - 1] + logs[:, c - 1, c - 1]) / 4
    det = dxx * dyy - dxy**2
    with np.errstate(all='ignore'):
        step = -np.stack([dyy * dx - dxy * dy, dxx * dy - dxy * dx], axis=1) / det[:, None]
    # also false where it is not a number
    steps[inside] = np.where((np.abs(step) <= REACH).all(axis=1)[:, None], step, 0)
    return steps

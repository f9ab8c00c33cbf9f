"""SimCC vectors in numpy: joints -> bins and bins -> joints.

Bin ``b`` of an axis stands for the coordinate ``b / k`` in pixels of the network input (``k`` = split ratio), so an
axis of ``w`` pixels has ``round(k * w)`` bins (the paper's Eq. 18) and rounding costs at most ``1 / (2k)`` pixels.
"""

import numpy as np

from mmpose_amfac.errors import AMFACError, one_of

TARGETS = ('onehot', 'gaussian')


def bins(input_size, split_ratio: float) -> tuple[int, int]:
    """Number of bins (x, y) for a network input (width, height): Eq. 18."""
    return round(input_size[0] * split_ratio), round(input_size[1] * split_ratio)


def encode(keypoints, visible, input_size, split_ratio: float = 2.0, target: str = 'onehot', sigma=(6.0, 6.0)):
    """Target distributions of the joints, one row per joint and axis, each summing to 1.

    Args:
        keypoints: (n, K, 2) pixels of the network input.
        visible: (n, K), a joint below 0.5 is not labelled.
        input_size: (width, height) pixels.
        split_ratio: bins per pixel.
        target: ``'onehot'`` or ``'gaussian'`` (centred at the sub-bin position, cut at the border, renormalised).
        sigma: standard deviations (x, y) of the Gaussian in bins.

    Returns:
        x (n, K, Bx), y (n, K, By) and weights (n, K), float32. A joint that is not labelled, or whose bin lies
        outside [0, B), has zero rows and weight 0.
    """
    one_of('target', target, TARGETS)
    keypoints = np.asarray(keypoints, dtype=np.float32)
    position = keypoints[..., :2] * np.float32(split_ratio)
    counts = np.array(bins(input_size, split_ratio))
    index = np.rint(position)
    inside = ((index >= 0) & (index < counts)).all(axis=-1)
    weights = np.where(inside, np.asarray(visible, np.float32), 0).astype(np.float32)
    weights[weights < 0.5] = 0
    rows = []
    for axis in range(2):
        grid = np.arange(counts[axis], dtype=np.float32)
        if target == 'onehot':
            row = (grid == index[..., axis, None]).astype(np.float32)
        else:
            row = np.exp(-((grid - position[..., axis, None]) / sigma[axis])**2 / 2)
            row /= np.maximum(row.sum(-1, keepdims=True), np.finfo(np.float32).tiny)
        rows.append(np.where(weights[..., None] > 0, row, 0).astype(np.float32))
    return rows[0], rows[1], weights


def target_peak(count: int, target: str, sigma: float, label_smoothing: float) -> float:
    """Largest value of a smoothed target row of ``count`` bins: what a perfect network puts on the best bin."""
    one_of('target', target, TARGETS)
    if target == 'onehot':
        peak = 1.0
    else:
        grid = np.arange(count) - count // 2
        peak = 1.0 / np.exp(-(grid / sigma)**2 / 2).sum()
    return float((1 - label_smoothing) * peak + label_smoothing / count)


def decode(simcc_x, simcc_y, split_ratio: float = 2.0, window: int = 0):
    """Joints and scores of peak-normalised vectors.

    Args:
        simcc_x, simcc_y: (n, K, Bx) and (n, K, By), values in [0, 1]; the peak of a row is the axis's confidence.
        split_ratio: bins per pixel.
        window: 0 takes the best bin; r > 0 takes the expectation over the best bin and r bins on either side, which
            reaches below one bin when the vectors are smooth (Gaussian targets: r of about 3 sigma).

    Returns:
        keypoints (n, K, 2) in pixels of the network input and scores (n, K) = the smaller of the two peaks, float32.
    """
    if window < 0:
        raise AMFACError(f'window={window} must not be negative (bins on either side of the best one)')
    positions, peaks = zip(*(_axis(np.asarray(v, dtype=np.float32), window) for v in (simcc_x, simcc_y)))
    keypoints = np.stack(positions, axis=-1) / np.float32(split_ratio)
    return keypoints.astype(np.float32), np.minimum(*peaks)


def _axis(vectors: np.ndarray, window: int):
    best = vectors.argmax(-1)
    peak = np.take_along_axis(vectors, best[..., None], -1)[..., 0]
    if window == 0:
        return best.astype(np.float32), peak
    offsets = np.arange(-window, window + 1)
    index = best[..., None] + offsets
    inside = (index >= 0) & (index < vectors.shape[-1])
    mass = np.where(inside, np.take_along_axis(vectors, index.clip(0, vectors.shape[-1] - 1), -1), 0)
    total = np.maximum(mass.sum(-1), np.finfo(np.float32).tiny)
    return best + (mass * offsets).sum(-1) / total, peak


def flip_back(simcc_x, simcc_y, flip_indices, split_ratio: float = 2.0):
    """Vectors (n, K, bins) of mirrored crops in the order of the original joints and the place of the original picture.

    A mirrored picture maps pixel x to W - 1 - x, hence bin b to n - k - b, while reversing the vector maps it to
    n - 1 - b: for k = 2 the reversed vector is one bin late and is shifted by k - 1 bins. Only whole shifts are made.
    """
    x = np.asarray(simcc_x)[:, flip_indices, ::-1]
    shift = round(split_ratio) - 1
    if shift > 0:
        x = np.concatenate([x[..., shift:], np.repeat(x[..., -1:], shift, axis=-1)], axis=-1)
    return x, np.asarray(simcc_y)[:, flip_indices]

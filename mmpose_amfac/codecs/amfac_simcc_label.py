"""AMFACSimCCLabel, the codec."""

import numpy as np
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS

from mmpose_amfac import simcc
from mmpose_amfac.errors import AMFACError, integer, integers, number, one_of


@KEYPOINT_CODECS.register_module()
class AMFACSimCCLabel(SimCCLabel):
    """Key points in pixels of the network input <-> one row of bins per joint and axis (Eq. 18).

    Encoded: ``keypoint_x_labels`` (N, K, Bx), ``keypoint_y_labels`` (N, K, By), rows summing to 1, and
    ``keypoint_weights`` (N, K). Label smoothing belongs to ``KLDDiscretLoss``. Decoded: the head's peak-normalised
    vectors, hence scores in [0, 1] (:func:`mmpose_amfac.simcc.decode`).

    Args:
        input_size: network input (width, height), pixels.
        simcc_split_ratio: bins per pixel k, at least 1.
        target: ``'onehot'`` (the paper) or ``'gaussian'``.
        sigma: standard deviation of the Gaussian in bins, one number or (x, y).
        window: 0 decodes the best bin, r > 0 the expectation over r bins on either side of it.

    Raises:
        AMFACError: an argument outside these values.
    """

    def __init__(self, input_size, simcc_split_ratio: float = 2.0, target: str = 'onehot', sigma=6.0, window: int = 0):
        one_of('target', target, simcc.TARGETS)
        integers('input_size', input_size, 2)
        number('simcc_split_ratio', simcc_split_ratio, 1)
        sigmas = sigma if isinstance(sigma, (tuple, list)) else (sigma, sigma)
        if len(sigmas) != 2:
            raise AMFACError(f'sigma={sigma} must be one number or (x, y)')
        for value in sigmas:
            number('sigma', value, 0, low_itself=False)
        integer('window', window, 0)
        super().__init__(tuple(input_size), smoothing_type='gaussian' if target == 'gaussian' else 'standard',
                         sigma=tuple(sigmas), simcc_split_ratio=simcc_split_ratio)
        self.target = target
        self.window = window

    @property
    def bins(self) -> tuple[int, int]:
        """Number of bins (Bx, By)."""
        return simcc.bins(self.input_size, self.simcc_split_ratio)

    def encode(self, keypoints, keypoints_visible=None) -> dict:
        """Key points (N, K, 2), visibility (N, K) -> the three arrays of the class docstring."""
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], np.float32)
        x, y, weights = simcc.encode(keypoints, keypoints_visible, self.input_size, self.simcc_split_ratio,
                                     self.target, self.sigma)
        return dict(keypoint_x_labels=x, keypoint_y_labels=y, keypoint_weights=weights)

    def decode(self, simcc_x, simcc_y):
        """Vectors (N, K, bins) or (K, bins) -> key points (N, K, 2) in input pixels and scores (N, K)."""
        if simcc_x.ndim == 2:
            simcc_x, simcc_y = simcc_x[None], simcc_y[None]
        return simcc.decode(simcc_x, simcc_y, self.simcc_split_ratio, self.window)

    def target_peaks(self, label_smoothing: float) -> tuple[float, float]:
        """Largest value of a smoothed target row on either axis."""
        return tuple(
            simcc.target_peak(n, self.target, s, label_smoothing) for n, s in zip(self.bins, self.sigma))

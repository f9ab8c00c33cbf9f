"""The last step of every prediction and exported graph."""

import torch


def peak_normalise(probabilities: torch.Tensor, target_peak: float, calibration=None) -> torch.Tensor:
    r"""Scale each row so that its largest value is the score :math:`s = \min(1, p_{max} / p^*)`.

    With a calibration (slope a > 0, offset b) it is :math:`1 / (1 + e^{-b} s^{-a})` instead, the logistic function of
    :math:`a \ln s + b`: it rises with s, so the smaller of two scores stays the smaller one.

    ``target_peak`` is p*, what a perfect network puts on the best bin (:func:`mmpose_amfac.simcc.target_peak`). The
    best bin stays the best one, all values are positive and at most 1, so a foreign decoder that reads the maximum
    as the score reads a sensible one.

    Args:
        probabilities: (B, N, bins).
        target_peak: p*.
        calibration: tensor (2, N, 1) of slopes and offsets of the joints, or None.

    Returns:
        (B, N, bins).
    """
    peak = probabilities.amax(-1, keepdim=True)
    if calibration is None:
        return probabilities / peak.clamp(min=target_peak)
    score = (peak / target_peak).clamp(1e-6, 1)
    return probabilities / peak * torch.sigmoid(calibration[0] * score.log() + calibration[1])


def flip_back(x: torch.Tensor, y: torch.Tensor, flip_indices, split_ratio: float):
    """Vectors of the mirrored picture in the order of the original one.

    A mirrored picture maps pixel x to W - 1 - x, hence bin b to n - k - b, while reversing the vector maps it to
    n - 1 - b: for k = 2 the reversed vector is one bin late and is shifted by k - 1 bins. Only whole shifts are made.
    """
    x = x[:, flip_indices].flip(-1)
    shift = round(split_ratio) - 1
    if shift > 0:
        x = torch.cat([x[..., shift:], x[..., -1:].expand(*x.shape[:-1], shift)], dim=-1)
    return x, y[:, flip_indices]

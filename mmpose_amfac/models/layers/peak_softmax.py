"""The last step of every prediction and exported graph."""

import torch


def peak_normalise(probabilities: torch.Tensor, target_peak: float) -> torch.Tensor:
    r"""Scale each row so that its largest value is :math:`\min(1, p_{max} / p^*)`.

    ``target_peak`` is p*, what a perfect network puts on the best bin (:func:`mmpose_amfac.simcc.target_peak`). The
    best bin stays the best one, all values are positive and at most 1, so a foreign decoder that reads the maximum
    as the score reads a sensible one.

    Shape: (..., bins), unchanged.
    """
    peak = probabilities.amax(-1, keepdim=True)
    return probabilities / peak.clamp(min=target_peak)


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

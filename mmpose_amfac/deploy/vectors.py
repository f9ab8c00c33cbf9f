"""What networks and files say about crops, before it is decoded."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmpose_amfac import geometry, simcc
from mmpose_amfac.deploy.verdict import VALUES
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.manifest import Manifest

# crops at once, where the file leaves it open
CHUNK = 16


class Vectors(NamedTuple):
    """Peak-normalised vectors (n, K, Bx) and (n, K, By)."""

    x: np.ndarray
    y: np.ndarray


def reference(estimator, crops) -> Vectors:
    """What the trained network (float32, no rewrites) says, through MMPose's own data preprocessor.

    Args:
        estimator: :class:`~mmpose_amfac.apis.TorchEstimator`.
        crops: (n, height, width, 3) uint8 BGR.
    """
    import torch
    from mmpose.structures import PoseDataSample
    model = estimator.model
    parts = []
    with torch.inference_mode():
        for i in range(0, len(crops), CHUNK):
            pictures = [torch.from_numpy(c.transpose(2, 0, 1).copy()) for c in crops[i:i + CHUNK]]
            data = dict(inputs=pictures, data_samples=[PoseDataSample() for _ in pictures])
            inputs = model.data_preprocessor(data)['inputs']
            parts.append([v.cpu().numpy() for v in model.head.vectors(model.extract_feat(inputs))])
    return Vectors(*map(np.concatenate, zip(*parts)))


def run(engine, manifest: Manifest, crops, batch: int) -> Vectors:
    """What a file says, prepared as its manifest tells, ``batch`` crops at a time.

    Raises:
        AMFACError: the engine fails, or the outputs are not those that the manifest names.
    """
    inputs = geometry.normalise(crops, manifest.channel_order, manifest.mean, manifest.std)
    order = [_position(engine, name) for name in manifest.outputs]
    parts = [engine(inputs[i:i + batch]) for i in range(0, len(inputs), batch)]
    return Vectors(*(np.concatenate([part[i] for part in parts]) for i in order))


def clear(outputs, window: int, precision: str = 'fp32') -> np.ndarray:
    """(n, K): joints whose best bin no rounding moves far, on both axes or in the heatmap.

    Bins that are less below the peak than a file of this precision may be wrong may become the best one
    (:data:`~mmpose_amfac.deploy.verdict.VALUES`; int8, which has none there, takes that of fp32).
    Where the best bin itself is decoded, there must be no other: a step to the next one is already half a pixel. Where
    an expectation over a window is decoded, such a step hardly moves it, and smooth vectors often have their peak
    between two bins; there these bins must be neighbours, in one run no longer than half of either side of the window.

    Args:
        outputs: of the network, (n, K, ...) each.
        window: of the decoder; 0 for the best bin or cell.
        precision: of the file.
    """
    rows = (value.reshape(*value.shape[:2], -1) for value in outputs)
    return np.logical_and.reduce([_leads(row, window // 2, lead_of(precision)) for row in rows])


def lead_of(precision: str) -> float:
    """The share of the peak by which the best bin must lead in a file of this precision."""
    return VALUES.get(precision, VALUES['fp32'])


def _leads(axis: np.ndarray, steps: int, lead: float) -> np.ndarray:
    """Whether the bins that may be the best one are a single run of at most ``steps`` steps."""
    peak = axis.max(-1, keepdims=True)
    best = (peak - axis <= lead * np.abs(peak)).astype(np.int8)
    runs = (np.diff(best, axis=-1, prepend=0) > 0).sum(-1)
    return (runs == 1) & (best.sum(-1) <= steps + 1)


def decode(manifest: Manifest, vectors: Vectors):
    """Key points (n, K, 2) in pixels of the crop and scores (n, K)."""
    return simcc.decode(*vectors, manifest.decode['split_ratio'], manifest.decode['window'])


def _position(engine, name: str) -> int:
    try:
        return engine.output_names.index(name)
    except ValueError:
        raise AMFACError(f'{Path(engine.path).name} has the outputs {", ".join(engine.output_names)}, its manifest '
                         f'names {name}') from None

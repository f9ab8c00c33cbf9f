"""TeacherTargets, distillation from a model file."""

import numpy as np
import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS
from scipy.interpolate import CubicSpline
from scipy.special import softmax
from torch import nn
from torch.nn import functional as F

from mmpose_amfac import simcc
from mmpose_amfac.codecs import AMFACSimCCLabel
from mmpose_amfac.errors import AMFACError, number
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime import AMFACPose


@MODELS.register_module()
class TeacherTargets(nn.Module):
    r"""Targets of another model, found in the very pictures that augmentation made.

    One of the ``batch_augments`` of ``PoseDataPreprocessor``, behind ``CropAugment``. Where the teacher's score is at
    least ``least``, a labelled joint gets the target :math:`(1 - s)\,t + s\,q`, with t of its label and q of the
    teacher, and one that nobody labelled gets q, weighted by the score. Other targets stay; a labelled joint that the
    augmentation moved out of the picture stays out. q is the teacher's vector along an axis (of a heatmap: its
    largest values over the other axis), interpolated between bins, to the power of ``sharpen``, with the sum 1: a
    Gaussian becomes narrower by the root of ``sharpen``, and several peaks stay several.

    Shapes: of the targets of ``AMFACSimCCLabel``, unchanged.

    Args:
        teacher: name or path of a model file, as :class:`~mmpose_amfac.runtime.AMFACPose` opens it; its joints are
            those of the data set, and its crops may be larger or smaller than the student's.
        codec: config of the student's codec, an ``AMFACSimCCLabel``.
        share: s, in [0, 1].
        least: score in [0, 1].
        sharpen: at least 1.
        beta: of a teacher whose SimCC vectors are logits (RTMPose: 10): q is their softmax times beta instead.
        sha256: of the teacher's file; another one is refused.
        manifest: of the teacher, where it has none beside it, or fields of it.
        threads: CPU threads of the teacher.
        mean, std: of the student's normalisation, RGB, pixel values.

    Raises:
        AMFACError: an argument outside these values; at the first batch, a teacher that does not open, is another file,
            or has other joints, other proportions of its crops or heatmaps with ``beta``; samples without targets of
            this codec.
    """

    def __init__(self, teacher, codec: dict, share: float = 0.5, least: float = 0.3, sharpen: float = 1.0,
                 beta: float | None = None, sha256: str | None = None, manifest=None, threads: int | None = None,
                 mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)):
        super().__init__()
        for field, value in dict(share=share, least=least).items():
            number(field, value, 0)
            if value > 1:
                raise AMFACError(f'{field}={value} must be at most 1')
        number('sharpen', sharpen, 1)
        if beta is not None:
            number('beta', beta, 0, low_itself=False)
        self.codec = KEYPOINT_CODECS.build(codec)
        if not isinstance(self.codec, AMFACSimCCLabel):
            raise AMFACError(f'codec.type={codec.get("type")!r} must be AMFACSimCCLabel, whose targets have the sum 1')
        self.share, self.least, self.sharpen, self.beta = share, least, sharpen, beta
        self.mean, self.std = np.float32(mean), np.float32(std)
        self._file, self._sha256 = teacher, sha256
        self._opening = dict(manifest=manifest, threads=threads)
        # opened with the first batch: a model is copied before, an engine cannot be
        self.teacher = None

    @torch.no_grad()
    def forward(self, inputs, data_samples):
        """The inputs, and the samples with the targets of both."""
        rows, scores = self.vectors(inputs)
        for i, sample in enumerate(data_samples):
            labels = self._labels(sample, scores.shape[1])
            weights = labels.keypoint_weights
            score = torch.from_numpy(scores[i:i + 1]).to(weights)
            sure = score >= self.least
            new = sure & ~labels.keypoint_labelled.to(weights.device)
            share = (new.float() + self.share * (sure & (weights > 0)))[..., None]
            for axis, row in zip('xy', rows):
                own = getattr(labels, f'keypoint_{axis}_labels')
                found = torch.from_numpy(row[i:i + 1]).to(own)
                labels.set_field((1 - share) * own + share * found, f'keypoint_{axis}_labels')
            labels.keypoint_weights = torch.where(new, score, weights)
        return inputs, data_samples

    def _labels(self, sample, joints: int):
        """Targets of a sample, checked."""
        labels = sample.get('gt_instance_labels')
        if labels is None or 'keypoint_labelled' not in labels:
            raise AMFACError("TeacherTargets needs dict(type='CropAugment') before it in batch_augments")
        shape = tuple(labels.keypoint_x_labels.shape) if 'keypoint_x_labels' in labels else None
        if shape != (1, joints, self.codec.bins[0]):
            raise AMFACError(f'TeacherTargets: the targets have the shape {shape}, the teacher and codec make '
                             f'{(1, joints, self.codec.bins[0])}; the joints must be those of the data set, the codec '
                             'that of CropAugment')
        return labels

    def vectors(self, inputs):
        """The teacher's rows x (B, K, Bx) and y (B, K, By) in the student's bins, and scores (B, K)."""
        if self.teacher is None:
            self._open()
        teacher, manifest = self.teacher, self.teacher.manifest
        results = teacher.engine(self._crops(inputs))
        outputs = [results[teacher.engine.output_names.index(name)] for name in manifest.outputs]
        if manifest.decode['rule'] == 'heatmap':
            # columns, then rows
            outputs = [outputs[0].max(axis) for axis in (2, 3)]
        scores = np.minimum(*(values.max(-1) for values in outputs)).clip(0, 1)
        if self.beta is not None:
            outputs = [softmax(self.beta * values, axis=-1) for values in outputs]
        rows = []
        for values, matrix in zip(outputs, self._matrices):
            row = np.maximum(values @ matrix, 0) ** self.sharpen
            rows.append(row / np.maximum(row.sum(-1, keepdims=True), np.finfo(np.float32).tiny))
        return rows, scores

    def _crops(self, inputs) -> np.ndarray:
        """The student's inputs as the teacher takes them."""
        manifest = self.teacher.manifest
        width, height = manifest.input_size
        if tuple(inputs.shape[-2:]) != (height, width):
            inputs = F.interpolate(inputs.float(), (height, width), mode='bilinear', align_corners=False)
        pixels = inputs.float().cpu().numpy() * self.std[:, None, None] + self.mean[:, None, None]
        if manifest.channel_order == 'bgr':
            pixels = pixels[:, ::-1]
        mean, std = (np.float32(values)[:, None, None] for values in (manifest.mean, manifest.std))
        return np.ascontiguousarray((pixels - mean) / std)

    def _open(self) -> None:
        self.teacher = AMFACPose(self._file, **self._opening)
        manifest, own = self.teacher.manifest, self.codec.input_size
        digest = sha256(self.teacher.weights)
        if self._sha256 not in (None, digest):
            raise AMFACError(f'the teacher {self.teacher.weights} has the sha256 {digest}, asked for is {self._sha256}')
        if self.beta is not None and manifest.decode['rule'] == 'heatmap':
            raise AMFACError(f'beta={self.beta}: the teacher {self.teacher.weights} has heatmaps, not logits')
        if own[0] * manifest.input_size[1] != own[1] * manifest.input_size[0]:
            raise AMFACError(f'the teacher {self.teacher.weights} takes crops of {manifest.input_size} (width, '
                             f'height): other proportions than codec.input_size={tuple(own)}')
        rule, ours = manifest.decode, self.codec.simcc_split_ratio
        ratio = rule['split_ratio'] if rule['rule'] == 'simcc' else 1 / rule['stride']
        self._matrices = [_interpolation(round(theirs * ratio), ratio, theirs, count, ours, mine)
                          for theirs, mine, count in zip(manifest.input_size, own, simcc.bins(own, ours))]


def _interpolation(cells: int, ratio: float, theirs: int, bins: int, split_ratio: float, mine: int) -> np.ndarray:
    """(cells, bins): cubic interpolation of a vector of the teacher's ``theirs`` pixels at the student's bins."""
    pixels = (np.arange(bins) / split_ratio + 0.5) * theirs / mine - 0.5
    places = (pixels * ratio).clip(0, cells - 1)
    return np.float32(CubicSpline(np.arange(cells), np.eye(cells))(places).T)

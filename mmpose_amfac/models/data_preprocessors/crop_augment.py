"""CropAugment, augmentation of whole batches on the device that trains."""

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from scipy.stats import truncnorm
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.errors import AMFACError, number


@MODELS.register_module()
class CropAugment(nn.Module):
    """From normalised crops with a margin (``PackedCrops``) to network inputs and targets, a batch at a time.

    One of the ``batch_augments`` of ``PoseDataPreprocessor``. Shift, scale, rotation and flip are drawn as MMPose's
    ``RandomBBoxTransform`` and ``RandomFlip`` draw them, and are one warp; then come colours, grey and one rectangle
    that hides part of the picture. All draws come from (run's seed, epoch, rank, batch): ``SeededAugmentationHook``
    sets them, so that a resumed run draws what an uninterrupted one would have drawn (a run by iterations stays at
    epoch 0 and starts at batch 0 again).

    Shapes: (B, 3, h, w) -> (B, 3, H, W), H x W being the codec's ``input_size``; ``gt_instance_labels`` and
    ``gt_fields`` of each sample as ``GenerateTarget`` and ``PackPoseInputs`` make them, and ``keypoint_labelled``
    (1, K), true for joints that have a label even where they lie outside the picture now.

    Args:
        codec: config of the codec that encodes targets.
        joint_weights: weight of each joint (K), or None for equal ones.
        flip_prob, shift_factor, shift_prob, scale_factor, rotate_factor, rotate_prob: as in MMPose; degrees, shares of
            the box.
        half_body_prob: chance that a person with at least eight visible joints, three of them in the half that is
            drawn, is cut to the upper or lower half of the body.
        upper_joints: indices of the joints of the upper half (``half_body_prob``).
        colour: standard deviation of the random contrast, and of the brightness in units of the normalised picture;
            a third of it for each channel of its own.
        grey_prob: chance of a grey picture.
        hide_prob: chance of a hidden rectangle, each side ``hide_size`` of the picture's.
        hide_size: smallest and largest share.
        mean, std: of the normalisation, RGB, pixel values: what lies outside a crop is black.

    Raises:
        AMFACError: a probability outside [0, 1], or scales that are not above 0; at run time, no seed.
    """

    def __init__(self, codec: dict, joint_weights=None, flip_prob: float = 0.5, shift_factor: float = 0.1,
                 shift_prob: float = 0.3, scale_factor=(0.75, 1.3), rotate_factor: float = 50.0,
                 rotate_prob: float = 0.6, half_body_prob: float = 0.0, upper_joints=tuple(range(11)),
                 colour: float = 0.2, grey_prob: float = 0.0, hide_prob: float = 0.0, hide_size=(0.2, 0.4),
                 mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)):
        super().__init__()
        for field, value in dict(flip_prob=flip_prob, shift_prob=shift_prob, rotate_prob=rotate_prob,
                                 half_body_prob=half_body_prob, grey_prob=grey_prob, hide_prob=hide_prob).items():
            number(field, value, 0)
            if value > 1:
                raise AMFACError(f'{field}={value} is a probability: at most 1')
        for value in scale_factor:
            number('scale_factor', value, 0, low_itself=False)
        self.codec = KEYPOINT_CODECS.build(codec)
        self.joint_weights = None if joint_weights is None else np.float32(joint_weights)
        self.flip_prob, self.shift_factor, self.shift_prob = flip_prob, shift_factor, shift_prob
        self.scale_factor, self.rotate_factor, self.rotate_prob = scale_factor, rotate_factor, rotate_prob
        self.half_body_prob, self.upper_joints = half_body_prob, list(upper_joints)
        self.colour, self.grey_prob = colour, grey_prob
        self.hide_prob, self.hide_size = hide_prob, hide_size
        self.mean, self.std = np.float32(mean), np.float32(std)
        black = -self.mean / self.std
        self.register_buffer('black', torch.from_numpy(black).view(1, 3, 1, 1), persistent=False)
        self.entropy = None

    def set_state(self, seed: int, epoch: int) -> None:
        """Called by the hook at the start of each epoch."""
        self.entropy, self.batch = (seed, epoch, get_rank()), 0

    @torch.no_grad()
    def forward(self, inputs, data_samples):
        """Warped inputs, and the samples with their targets."""
        if self.entropy is None:
            raise AMFACError("CropAugment has no seed: add dict(type='SeededAugmentationHook') to custom_hooks")
        rng = np.random.default_rng([*self.entropy, self.batch])
        self.batch += 1
        keypoints = np.concatenate([sample.gt_instances.keypoints for sample in data_samples])
        visible = np.concatenate([sample.gt_instances.keypoints_visible for sample in data_samples])
        matrix = self.matrices(rng, keypoints, visible, inputs.shape[-2:])
        keypoints = keypoints @ matrix[:, :, :2].transpose(0, 2, 1) + matrix[:, None, :, 2]
        mirrored = np.linalg.det(matrix[:, :, :2]) < 0
        swap = data_samples[0].metainfo['flip_indices']
        keypoints[mirrored], visible[mirrored] = keypoints[mirrored][:, swap], visible[mirrored][:, swap]
        inputs = self.hidden(rng, self.coloured(rng, self.warped(inputs, matrix)))
        return inputs, self.targets(data_samples, np.float32(keypoints), visible)

    def matrices(self, rng, keypoints, visible, crop_size):
        """(B, 2, 3): pixels of the crop -> pixels of the network input."""
        count, (height, width) = len(keypoints), self.codec.input_size[::-1]
        size = np.array([width, height], float)
        centre = np.tile(np.array(crop_size[::-1], float) / 2, (count, 1))
        zoom = np.ones(count)
        for i in np.flatnonzero(rng.random(count) < self.half_body_prob):
            centre[i], zoom[i] = self._half_body(rng, keypoints[i], visible[i], size, centre[i])

        def normal(*shape):
            return truncnorm.rvs(-1, 1, size=shape, random_state=rng)

        moved = rng.random((count, 1)) < self.shift_prob
        centre += normal(count, 2) * self.shift_factor * moved * size * zoom[:, None]
        low, high = self.scale_factor
        zoom *= (low + high) / 2 + normal(count) * (high - low) / 2
        angle = np.deg2rad(normal(count) * self.rotate_factor) * (rng.random(count) < self.rotate_prob)
        sign = np.where(rng.random(count) < self.flip_prob, -1.0, 1.0)
        cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
        linear = np.stack([np.stack([sign * cos, -sign * sin], 1), np.stack([sin, cos], 1)], 1)
        target = np.tile(size / 2, (count, 1))
        # a mirrored pixel W / 2 + d lies at W - 1 - (W / 2 + d)
        target[sign < 0, 0] -= 1
        return np.concatenate([linear, (target - np.einsum('bij,bj->bi', linear, centre))[..., None]], 2)

    def _half_body(self, rng, keypoints, visible, size, centre):
        """Centre and zoom of the box around half of the joints; the whole box where there are too few."""
        upper = np.isin(np.arange(len(visible)), self.upper_joints)
        chosen = (upper if rng.random() < 0.5 else ~upper) & (visible > 0)
        if (visible > 0).sum() < 8 or chosen.sum() < 3:
            return centre, 1.0
        low, high = keypoints[chosen].min(0), keypoints[chosen].max(0)
        # padded as by MMPose's RandomHalfBody; never a zoom that shows nothing but pixels
        return (low + high) / 2, max(float(((high - low) * 1.5 / size).max()), 0.3)

    def warped(self, inputs, matrix):
        """Bilinear, black outside."""
        height, width = self.codec.input_size[::-1]
        whole = np.concatenate([matrix, np.tile([[[0.0, 0.0, 1.0]]], (len(matrix), 1, 1))], 1)
        back = np.linalg.inv(whole)
        # grid_sample counts corners of pixels from -1 to 1; ours are indices of pixels
        crop = np.array([inputs.shape[-1], inputs.shape[-2]], float)
        to_unit = np.array([[2 / crop[0], 0, 1 / crop[0] - 1], [0, 2 / crop[1], 1 / crop[1] - 1], [0, 0, 1]])
        from_unit = np.array([[width / 2, 0, width / 2 - 0.5], [0, height / 2, height / 2 - 0.5], [0, 0, 1]])
        theta = torch.from_numpy(np.float32((to_unit @ back @ from_unit)[:, :2])).to(inputs.device)
        # MMEngine preprocesses under the optimiser's autocast: places in bfloat16 would be half a pixel off
        with torch.autocast(inputs.device.type, enabled=False):
            grid = F.affine_grid(theta, (len(inputs), 3, height, width), align_corners=False)
            return F.grid_sample(inputs.float() - self.black, grid, align_corners=False) + self.black

    def coloured(self, rng, inputs):
        """Contrast and brightness, jointly and for each channel; some pictures grey."""
        count = len(inputs)

        def factors():
            both = rng.normal(0, self.colour, (count, 1)) + rng.normal(0, self.colour / 3, (count, 3))
            return torch.from_numpy(np.float32(both)).to(inputs.device)[..., None, None]

        inputs = inputs * factors().exp() + factors()
        grey = torch.from_numpy(rng.random(count) < self.grey_prob).to(inputs.device)[:, None, None, None]
        return torch.where(grey, inputs.mean(1, keepdim=True), inputs)

    def hidden(self, rng, inputs):
        """One rectangle of a random colour."""
        count, _, height, width = inputs.shape
        sizes = rng.uniform(*self.hide_size, (count, 2)) * (rng.random((count, 1)) < self.hide_prob)
        starts = rng.random((count, 2)) * (1 - sizes)
        colour = torch.from_numpy(np.float32(rng.normal(0, 1, (count, 3)))).to(inputs.device)[..., None, None]
        masks = []
        for axis, length in ((0, height), (1, width)):
            place = (np.arange(length) + 0.5) / length
            inside = (place >= starts[:, axis, None]) & (place < (starts + sizes)[:, axis, None])
            masks.append(torch.from_numpy(inside).to(inputs.device))
        return torch.where(masks[0][:, None, :, None] & masks[1][:, None, None, :], colour, inputs)

    def targets(self, data_samples, keypoints, visible):
        """What the codec makes of each person."""
        for sample, points, seen in zip(data_samples, keypoints, visible):
            encoded = self.codec.encode(points[None], seen[None])
            if self.joint_weights is not None:
                encoded['keypoint_weights'] = encoded['keypoint_weights'] * self.joint_weights
            labels = dict(self.codec.label_mapping_table, keypoint_weights='keypoint_weights')
            sample.gt_instance_labels = InstanceData(
                keypoint_labelled=seen[None] > 0,
                **{to: encoded[key] for key, to in labels.items() if key in encoded}).to_tensor()
            fields = {to: encoded[key] for key, to in self.codec.field_mapping_table.items() if key in encoded}
            if fields:
                sample.gt_fields = PixelData(**fields).to_tensor()
        device = self.black.device
        return [sample.to(device) for sample in data_samples]

"""AMFACHead, the coordinate-classification head."""

import warnings

import torch
from mmpose.evaluation.functional import simcc_pck_accuracy
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.errors import AMFACError, integer, number
from mmpose_amfac.models.layers import flip_back, peak_normalise


@MODELS.register_module()
class AMFACHead(BaseHead):
    r"""Embedding per joint, means over the axes, and two Mish MLPs shared by all joints (Eq. 17 to 19).

    .. math:: E = view(conv_{1\times1}(F)) \in R^{N \times d \times h \times w},\quad
        o_x = MLP_x(mean_h E_i),\quad o_y = MLP_y(mean_w E_i)

    ``forward`` and ``loss`` work on logits. ``predict`` ends in peak-normalised softmax vectors: every score lies in
    (0, 1] and the best bin is that of the logits. With ``flip_test`` these vectors of both pictures are averaged after
    the mirrored one was shifted by k - 1 bins, as every back end does.

    The MLPs are tied to one input size. A checkpoint of another size is loaded all the same: weights along the axis
    (and the bins of the last layer) are resized by linear interpolation, so training can start small.

    Shapes: tuple whose last map is (B, in_channels, H / in_stride, W / in_stride) -> logits (B, N, k W), (B, N, k H).

    Args:
        in_channels: channels of the map that is read.
        out_channels: number of joints N.
        in_stride: stride of that map.
        embed_dims: d.
        hidden_dims: width of the hidden layer.
        loss: config of the loss, ``KLDDiscretLoss`` by default.
        decoder: config of the codec; gives input size and bins. Required.
        calibration: ``dict(slope=[...], offset=[...])`` of each joint, which ``benchmarks.calibrate`` fits to weights
            so that scores are chances of being right (:func:`~mmpose_amfac.models.layers.peak_normalise`); None
            leaves the scores as they are.
        init_cfg: MMEngine's initialisation config.

    Raises:
        AMFACError: no decoder, an input size that ``in_stride`` does not divide, a non-positive width, or a calibration
            of other joints or falling; at run time a map or labels of another size or number of joints.
    """

    def __init__(self, in_channels: int = 64, out_channels: int = 17, in_stride: int = 4, embed_dims: int = 40,
                 hidden_dims: int = 96, loss=None, decoder=None, calibration=None, init_cfg=None):
        super().__init__(init_cfg)
        for field, value in dict(in_channels=in_channels, out_channels=out_channels, in_stride=in_stride,
                                 embed_dims=embed_dims, hidden_dims=hidden_dims).items():
            integer(f'head.{field}', value)
        if decoder is None:
            raise AMFACError("head.decoder is missing; give the codec, e.g. dict(type='AMFACSimCCLabel', "
                             'input_size=(192, 256))')
        self.decoder = KEYPOINT_CODECS.build(decoder)
        width, height = self.decoder.input_size
        if width % in_stride or height % in_stride:
            raise AMFACError(f'codec.input_size={(width, height)} must be divisible by head.in_stride={in_stride}')
        self.out_channels = out_channels
        self.embed_dims = embed_dims
        self.loss_module = MODELS.build(loss or dict(type='KLDDiscretLoss'))
        bins_x, bins_y = self.decoder.bins
        self.map_size = (height // in_stride, width // in_stride)
        self.embedding = nn.Conv2d(in_channels, out_channels * embed_dims, 1)
        self.mlp_x = self._mlp(embed_dims * self.map_size[1], hidden_dims, bins_x)
        self.mlp_y = self._mlp(embed_dims * self.map_size[0], hidden_dims, bins_y)
        self.temperature = getattr(self.loss_module, 'temperature', 1.0)
        self.target_peaks = self.decoder.target_peaks(getattr(self.loss_module, 'label_smoothing', 0.0))
        # not in checkpoints: it belongs to weights that are not trained further
        self.register_buffer('calibration', _calibration(calibration, out_channels), persistent=False)
        self.resized_from = None
        self._register_load_state_dict_pre_hook(self._resize_mlps)

    @staticmethod
    def _mlp(in_dims: int, hidden_dims: int, out_dims: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(in_dims, hidden_dims), nn.Mish(), nn.Linear(hidden_dims, out_dims))

    def axis_features(self, feats):
        """Embeddings averaged over the height, (B, N, d w), and over the width, (B, N, d h)."""
        x = feats[-1]
        if tuple(x.shape[-2:]) != self.map_size:
            height, width = (n * self.decoder.input_size[1] // self.map_size[0] for n in x.shape[-2:])
            raise AMFACError(f'the head was built for a {self.decoder.input_size} input (width, height) but got a map '
                             f'of a {(width, height)} one; set codec.input_size to the size of the pictures')
        split = (self.out_channels, self.embed_dims)
        if self.training:  # the embedding is linear: that of the means is the same, and has no map to keep
            return tuple(self.embedding(x.mean(axis, keepdim=True)).flatten(2).unflatten(1, split).flatten(2)
                         for axis in (2, 3))
        x = self.embedding(x).unflatten(1, split)
        return x.mean(3).flatten(2), x.mean(4).flatten(2)

    def forward(self, feats):
        """Logits x (B, N, Bx) and y (B, N, By)."""
        x, y = self.axis_features(feats)
        return self.mlp_x(x), self.mlp_y(y)

    def vectors(self, feats):
        """Peak-normalised softmax vectors x (B, N, Bx) and y (B, N, By), float32: what a decoder reads."""
        return tuple(peak_normalise(torch.softmax(o.float() / self.temperature, dim=-1), peak, self.calibration)
                     for o, peak in zip(self.forward(feats), self.target_peaks))

    def predict(self, feats, batch_data_samples, test_cfg=None):
        """Key points in input pixels and scores in (0, 1] of each sample, as MMPose's heads return them.

        Args:
            feats: maps, or with ``test_cfg['flip_test']`` a list of the maps of the picture and of its mirror.
            batch_data_samples: data samples; the first one's ``flip_indices`` are used.
            test_cfg: ``flip_test`` and ``output_heatmaps`` are read.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, mirrored = (self.vectors(f) for f in feats)
            mirrored = flip_back(*mirrored, batch_data_samples[0].metainfo['flip_indices'],
                                 self.decoder.simcc_split_ratio)
            x, y = ((a + b) / 2 for a, b in zip(plain, mirrored))
        else:
            x, y = self.vectors(feats)
        preds = self.decode((x, y))
        if not test_cfg.get('output_heatmaps', False):
            return preds
        from mmengine.structures import PixelData
        fields = [PixelData(heatmaps=b[:, :, None] * a[:, None]) for a, b in zip(x.detach(), y.detach())]
        for pred, a, b in zip(preds, to_numpy(x), to_numpy(y)):
            pred.keypoint_x_labels, pred.keypoint_y_labels = a[None], b[None]
        return preds, fields

    def loss(self, feats, batch_data_samples, train_cfg=None):
        """``loss_kpt`` and the accuracy ``acc_pose`` of a batch."""
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        target = tuple(
            torch.cat([getattr(label, f'keypoint_{axis}_labels') for label in labels]) for axis in 'xy')
        weights = torch.cat([label.keypoint_weights for label in labels])
        if weights.shape[1] != self.out_channels:
            raise AMFACError(f'head.out_channels={self.out_channels} but the data set has {weights.shape[1]} joints')
        pred = tuple(o.float() for o in self.forward(feats))
        _, accuracy, _ = simcc_pck_accuracy(output=to_numpy(pred), target=to_numpy(target),
                                            simcc_split_ratio=self.decoder.simcc_split_ratio,
                                            mask=to_numpy(weights) > 0)
        return dict(loss_kpt=self.loss_module(pred, target, weights),
                    acc_pose=torch.tensor(accuracy, device=weights.device))

    def _resize_mlps(self, state_dict, prefix, *_):
        """Before loading: bring MLPs of another input size to this one's; ``resized_from`` tells that it happened."""
        self.resized_from = None
        bins = {}
        for name in ('mlp_x', 'mlp_y'):
            mlp = getattr(self, name)
            first, last, bias = (f'{prefix}{name}.{key}' for key in ('0.weight', '2.weight', '2.bias'))
            if not {first, last, bias} <= state_dict.keys():
                return
            weight = state_dict[first]
            bins[name] = state_dict[last].shape[0]
            if weight.shape[0] == mlp[0].out_features and weight.shape[1] != mlp[0].in_features \
                    and weight.shape[1] % self.embed_dims == 0:
                length = mlp[0].in_features // self.embed_dims
                resized = _resize(weight.unflatten(1, (self.embed_dims, -1)), length)
                # the layer sums over positions: fewer of them weigh more
                state_dict[first] = resized.flatten(1) * (weight.shape[1] / mlp[0].in_features)
            count = mlp[2].out_features
            if bins[name] != count and state_dict[last].shape[1] == mlp[2].in_features:
                state_dict[last] = _resize(state_dict[last].t()[None], count)[0].t().contiguous()
                state_dict[bias] = _resize(state_dict[bias][None, None], count)[0, 0]
        if tuple(bins.values()) != self.decoder.bins:
            self.resized_from = tuple(bins.values())
            warnings.warn(f'MLPs of the head resized from {self.resized_from} to {self.decoder.bins} bins (x, y): a '
                          'start for training at this input size, not weights to predict with', stacklevel=2)


def _calibration(given, joints: int):
    """(2, N, 1) of slopes and offsets, or None."""
    if given is None:
        return None
    if not isinstance(given, dict) or given.keys() != {'slope', 'offset'}:
        raise AMFACError('head.calibration must be None or a dict with slope and offset')
    for name, low in (('slope', 0), ('offset', -1e4)):
        if not isinstance(given[name], (tuple, list)) or len(given[name]) != joints:
            raise AMFACError(f'head.calibration.{name} must be a list of {joints} numbers, one for each joint')
        for value in given[name]:
            number(f'head.calibration.{name}', value, low, 1e4, low_itself=False)
    return torch.tensor([given['slope'], given['offset']], dtype=torch.float32)[..., None]


def _resize(x, length: int):
    return F.interpolate(x.float(), size=length, mode='linear', align_corners=False).to(x.dtype)

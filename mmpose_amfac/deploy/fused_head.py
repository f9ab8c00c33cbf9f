"""AMFACHead for inference, reading axis means."""

from torch import nn

from mmpose_amfac.deploy.fold import like
from mmpose_amfac.deploy.fused_backbone import Gated
from mmpose_amfac.deploy.fused_neck import AxisMeans
from mmpose_amfac.deploy.mish import sign_of
from mmpose_amfac.models.heads import AMFACHead


class FusedHead(AMFACHead):
    """AMFACHead that embeds means instead of averaging embeddings: a 1x1 convolution commutes with a mean (Eq. 19)."""

    @classmethod
    def of(cls, head: AMFACHead, act) -> 'FusedHead':
        """A copy that shares codec, loss and embedding with a trained head."""
        fused = cls.__new__(cls)
        fused.__dict__.update(head.__dict__)
        fused._modules = dict(head._modules)
        sign = sign_of(act)
        for name in ('mlp_x', 'mlp_y'):
            first, _, last = getattr(head, name)
            setattr(fused, name, nn.Sequential(like(first, first.weight * sign, first.bias * sign), act(), last))
        return fused

    def axis_features(self, feats):
        """As in :class:`AMFACHead`; ``feats[-1]`` is a map (B, C, H, W), a gated map, or axis means."""
        means = feats[-1]
        if not isinstance(means, AxisMeans):
            level = means if isinstance(means, Gated) else Gated(means, None)
            means = level.map.mean(2, keepdim=True), level.map.mean(3, keepdim=True)
            if level.gate is not None:
                means = [m * level.gate for m in means]
        height, width = self.map_size
        return tuple(self.embedding(m).reshape(-1, self.out_channels, self.embed_dims * length)
                     for m, length in zip(means, (width, height)))

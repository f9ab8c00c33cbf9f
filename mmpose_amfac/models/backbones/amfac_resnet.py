"""AMFACResNet, the backbone."""

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import nn

from mmpose_amfac.errors import AMFACError, integer, integers, one_of
from mmpose_amfac.models.layers import SCRM, SE, CoordConv2d, DSCBlock, NormEval

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
COORD = {'all': (1, 1, 1, 1), 'first': (1, 0, 0, 0), 'alternate': (1, 0, 1, 0), 'none': (0, 0, 0, 0)}


@MODELS.register_module()
class AMFACResNet(NormEval, BaseModule):
    """ResNet of depthwise-separable blocks with a CoordConv stem, SCRM in the blocks and SE behind the stages.

    There is no max-pool: the stem reduces by 2 and the four stages run at strides 2, 4, 8 and 16. The defaults are
    the reading of the paper that meets all of its published parameter and multiply-add figures.

    Shapes: (B, 3, H, W) -> one map (B, C_i, H / s_i, W / s_i) per entry of ``out_indices``, C = ``stage_channels``,
    s = 2, 4, 8, 16.

    Args:
        depth: 18 or 34.
        stem_channels: widths of the stem's 3x3 convolutions; the first has stride 2 (Eq. 2, Algorithm 1).
        stage_channels: widths of the four stages.
        coord_conv: which stem convolutions see coordinates: ``'all'``, ``'first'``, ``'alternate'`` or ``'none'``.
        scrm: ``'block'`` (in every residual branch), ``'stage'`` (once behind each stage, before its SE) or
            ``'none'`` (Eq. 14-16).
        scrm_kernel: kernel of the SCRM's depthwise convolution.
        scrm_place: inside a block ``'before_add'`` or ``'after_add'``.
        se: ``'stage'``, ``'block'`` or ``'none'`` (Eq. 12-13).
        se_reduction: channel reduction of SE.
        norm_after_dw: batch norm between depthwise and pointwise convolution (Eq. 3-4 have none).
        out_indices: stages to return, 0 to 3.
        norm_eval: keep batch norm in evaluation mode while training.
        init_cfg: MMEngine's initialisation config.

    Raises:
        AMFACError: an argument outside the values above.
    """

    def __init__(self, depth: int = 34, stem_channels=(16, 16, 32, 64), stage_channels=(64, 128, 256, 512),
                 coord_conv: str = 'all', scrm: str = 'block', scrm_kernel: int = 3, scrm_place: str = 'before_add',
                 se: str = 'stage', se_reduction: int = 4, norm_after_dw: bool = False, out_indices=(1, 2, 3),
                 norm_eval: bool = False, init_cfg=None):
        super().__init__(init_cfg)
        one_of('depth', depth, tuple(BLOCKS))
        one_of('coord_conv', coord_conv, tuple(COORD))
        one_of('scrm', scrm, ('block', 'stage', 'none'))
        one_of('scrm_place', scrm_place, ('before_add', 'after_add'))
        one_of('se', se, ('stage', 'block', 'none'))
        integer('scrm_kernel', scrm_kernel)
        if scrm_kernel % 2 == 0:
            raise AMFACError(f'scrm_kernel={scrm_kernel} must be odd')
        integers('stem_channels', stem_channels)
        if len(stem_channels) > 4:
            raise AMFACError(f'stem_channels={stem_channels} has more than 4 widths')
        integers('stage_channels', stage_channels, 4)
        integers('out_indices', out_indices, low=0)
        if list(out_indices) != sorted(set(out_indices)) or max(out_indices) > 3:
            raise AMFACError(f'out_indices={out_indices} must be rising and taken from 0, 1, 2, 3')
        integer('se_reduction', se_reduction)
        if se != 'none' and se_reduction > min(stage_channels):
            raise AMFACError(f'se_reduction={se_reduction} must be at most {min(stage_channels)}')
        self.out_indices = tuple(out_indices)
        self.norm_eval = norm_eval

        stem, channels = [], 3
        for i, (width, coord) in enumerate(zip(stem_channels, COORD[coord_conv])):
            conv = CoordConv2d(channels, width, stride=2 if i == 0 else 1) if coord else nn.Conv2d(
                channels, width, 3, 2 if i == 0 else 1, 1, bias=False)
            stem += [conv, nn.BatchNorm2d(width), nn.Mish()]
            channels = width
        self.stem = nn.Sequential(*stem)

        self.stages, self.stage_scrm, self.stage_se = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, (width, count) in enumerate(zip(stage_channels, BLOCKS[depth])):
            blocks = []
            for j in range(count):
                blocks.append(DSCBlock(channels, width, stride=2 if i > 0 and j == 0 else 1,
                                       scrm_kernel=scrm_kernel if scrm == 'block' else 0, scrm_place=scrm_place,
                                       se_reduction=se_reduction if se == 'block' else 0,
                                       norm_after_dw=norm_after_dw))
                channels = width
            self.stages.append(nn.Sequential(*blocks))
            self.stage_scrm.append(SCRM(width, scrm_kernel) if scrm == 'stage' else nn.Identity())
            self.stage_se.append(SE(width, se_reduction) if se == 'stage' else nn.Identity())
        last = max(self.out_indices) + 1
        del self.stages[last:], self.stage_scrm[last:], self.stage_se[last:]

    def forward(self, x):
        """(B, 3, H, W) -> tuple of maps, coarser and coarser."""
        x = self.stem(x)
        out = []
        for i, (stage, scrm, se) in enumerate(zip(self.stages, self.stage_scrm, self.stage_se)):
            x = se(scrm(stage(x)))
            if i in self.out_indices:
                out.append(x)
        return tuple(out)

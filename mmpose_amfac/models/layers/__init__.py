"""Building blocks in plain torch; each can be lifted out on its own."""

from mmpose_amfac.models.layers.block import DSCBlock
from mmpose_amfac.models.layers.coord_conv import CoordConv2d
from mmpose_amfac.models.layers.dgcb import DGCB
from mmpose_amfac.models.layers.dsc import DSConv
from mmpose_amfac.models.layers.norm_eval import NormEval
from mmpose_amfac.models.layers.peak_softmax import flip_back, peak_normalise
from mmpose_amfac.models.layers.scrm import SCRM
from mmpose_amfac.models.layers.se import SE

__all__ = ['CoordConv2d', 'DGCB', 'DSCBlock', 'DSConv', 'NormEval', 'SCRM', 'SE', 'flip_back', 'peak_normalise']

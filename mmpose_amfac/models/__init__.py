"""Registers AMFACPose's modules with MMPose; the blocks they are made of live in ``layers``."""

from mmpose_amfac.models.backbones import AMFACResNet
from mmpose_amfac.models.data_preprocessors import CropAugment
from mmpose_amfac.models.heads import AMFACHead
from mmpose_amfac.models.losses import KLDDiscretLoss
from mmpose_amfac.models.necks import AFPN

__all__ = ['AFPN', 'AMFACHead', 'AMFACResNet', 'CropAugment', 'KLDDiscretLoss']

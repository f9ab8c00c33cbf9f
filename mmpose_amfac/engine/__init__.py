"""Hooks and wrappers for MMEngine's Runner."""

from mmpose_amfac.engine.autocast_optim_wrapper import AutocastOptimWrapper
from mmpose_amfac.engine.protocol_hook import ProtocolHook
from mmpose_amfac.engine.seeded_augmentation_hook import SeededAugmentationHook

__all__ = ['AutocastOptimWrapper', 'ProtocolHook', 'SeededAugmentationHook']

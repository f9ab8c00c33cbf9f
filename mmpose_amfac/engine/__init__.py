"""Hooks and wrappers for MMEngine's Runner."""

from mmpose_amfac.engine.autocast_optim_wrapper import AutocastOptimWrapper
from mmpose_amfac.engine.cpu_speed_hook import CPUSpeedHook
from mmpose_amfac.engine.muon_constructor import MuonConstructor
from mmpose_amfac.engine.protocol_hook import ProtocolHook
from mmpose_amfac.engine.seeded_augmentation_hook import SeededAugmentationHook

__all__ = ['AutocastOptimWrapper', 'CPUSpeedHook', 'MuonConstructor', 'ProtocolHook', 'SeededAugmentationHook']

"""What MMPose's data pipeline lacks."""

from mmpose_amfac.datasets.packed_crops import PackedCrops
from mmpose_amfac.datasets.seeded_augmentation import SeededAugmentation
from mmpose_amfac.datasets.walk import every_dataset

__all__ = ['PackedCrops', 'SeededAugmentation', 'every_dataset']

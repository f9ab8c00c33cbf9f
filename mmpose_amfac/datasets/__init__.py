"""What MMPose's data pipeline lacks."""

from mmpose_amfac.datasets.seeded_augmentation import SeededAugmentation

__all__ = ['SeededAugmentation']

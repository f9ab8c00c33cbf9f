from mmpose_amfac.models.data_preprocessors.crop_augment import CropAugment

__all__ = ['CropAugment']

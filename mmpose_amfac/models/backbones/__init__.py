from mmpose_amfac.models.backbones.amfac_resnet import AMFACResNet

__all__ = ['AMFACResNet']

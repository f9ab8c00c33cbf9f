from mmpose_amfac.models.heads.amfac_head import AMFACHead

__all__ = ['AMFACHead']

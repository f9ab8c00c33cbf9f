from mmpose_amfac.codecs.amfac_simcc_label import AMFACSimCCLabel

__all__ = ['AMFACSimCCLabel']

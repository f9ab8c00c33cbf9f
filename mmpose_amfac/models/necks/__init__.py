from mmpose_amfac.models.necks.afpn import AFPN

__all__ = ['AFPN']

from mmpose_amfac.models.losses.kld_discret_loss import KLDDiscretLoss

__all__ = ['KLDDiscretLoss']

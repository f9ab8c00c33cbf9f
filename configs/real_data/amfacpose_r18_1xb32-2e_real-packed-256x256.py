# From the run of one epoch at this size.
_base_ = './amfacpose_r18_1xb32-1e_real-packed-256x256.py'

load_from = 'work_dirs/amfacpose_r18_1xb32-1e_real-packed-256x256/iter_708.pth'
train_cfg = dict(max_epochs=2)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=40, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=2, T_max=2, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]

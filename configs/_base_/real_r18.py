# R18 for small inputs on a CPU: the recipe that the runs of growing input size share.
_base_ = ['./amfacpose.py', './real_data.py']

# mask reading of Eq. 8: not quadratic in the features, safe in bfloat16
model = dict(
    backbone=dict(depth=18),
    neck=dict(modulation='mask'),
    head=dict(loss=dict(temperature=1.0, label_smoothing=0.02)))

augmentation = [
    dict(type='SeededAugmentation'),
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_factor=0.1, scale_factor=(0.75, 1.3), rotate_factor=50.0, rotate_prob=0.6),
    dict(type='PhotometricDistortion'),
]

# bfloat16 autocast on a CPU with AVX-512 bf16 or on a GPU, float32 elsewhere
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
    clip_grad=dict(max_norm=5.0))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SeededAugmentationHook'),
    dict(type='ProtocolHook'),
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.001, gamma=500, update_buffers=True, priority=49),
]
auto_scale_lr = dict(base_batch_size=64)

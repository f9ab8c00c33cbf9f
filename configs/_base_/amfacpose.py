# Network, recipe and hooks of AMFACPose. "Ours" marks a value that the paper leaves open.
_base_ = ['mmpose::_base_/default_runtime.py']

custom_imports = dict(imports=['mmpose_amfac'], allow_failed_imports=False)
data_mode = 'topdown'

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='AMFACResNet', depth=34),
    neck=dict(type='AFPN', in_channels=(128, 256, 512), out_channels=64),
    head=dict(
        type='AMFACHead',
        in_channels=64,
        out_channels=17,
        in_stride=4,
        # temperature and label_smoothing: ours
        loss=dict(type='KLDDiscretLoss', temperature=0.5, label_smoothing=0.1)),
    # flip test: ours, the paper does not say
    test_cfg=dict(flip_test=True))

# 140 epochs of batch 32 with AdamW; learning rate, decay, warm-up and steps: ours, after SimCC's released recipe
train_cfg = dict(by_epoch=True, max_epochs=140, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=140, milestones=[90, 120], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=32)
randomness = dict(seed=0)

# flip, rotation of 30 degrees and scale 0.7 to 1.3 as in the paper; rotate_prob: ours
augmentation = [
    dict(type='SeededAugmentation'),
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0.0, scale_factor=(0.7, 1.3), rotate_factor=30.0, rotate_prob=0.6),
]

default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='coco/AP', rule='greater'))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SeededAugmentationHook'),
    dict(type='ProtocolHook'),
]

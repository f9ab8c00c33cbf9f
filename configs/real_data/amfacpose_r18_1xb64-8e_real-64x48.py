# First of three runs with a growing input: 64x48, 96x72, 128x96. A CPU sees many more samples this way.
_base_ = '../_base_/real_r18.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(48, 64), simcc_split_ratio=2.0, target='gaussian', sigma=(2.45, 2.83), window=8)
train_pipeline = [
    *_base_.augmentation,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(head=dict(decoder=codec))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=8, val_interval=4)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=4, end=8, T_max=4, eta_min=6e-4, by_epoch=True, convert_to_iter_based=True),
]

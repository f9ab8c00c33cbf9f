# Third run: starts from the 96x72 one.
_base_ = '../_base_/real_r18.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(96, 128), simcc_split_ratio=2.0, target='gaussian', sigma=(3.46, 4.0), window=10)
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

load_from = 'work_dirs/amfacpose_r18_1xb64-1e_real-96x72/epoch_1.pth'
train_cfg = dict(max_epochs=1, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=1, T_max=1, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]

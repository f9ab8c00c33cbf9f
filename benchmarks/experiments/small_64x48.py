# 23,616 samples at 64x48 (one epoch of 369 steps): what an hour of two cores can compare ten times.
_base_ = '../../configs/_base_/real_packed.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(48, 64), simcc_split_ratio=2.0, target='gaussian', sigma=(2.45, 2.83), window=8)
augment = dict(_base_.augment, codec=codec)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(data_preprocessor=dict(batch_augments=[augment]), head=dict(decoder=codec))
train_dataloader = dict(
    dataset=dict(
        datasets=[dict(one, input_size=codec['input_size']) for one in _base_.train_dataloader.dataset.datasets]))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=1, T_max=1, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(save_best=None))

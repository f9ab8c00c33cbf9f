# 23,616 samples at 64x48 (one epoch of 369 steps): what an hour of two cores can compare ten times.
_base_ = '../../configs/_base_/real_r18.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(48, 64), simcc_split_ratio=2.0, target='gaussian', sigma=(2.45, 2.83), window=8)
augment = dict(
    type='CropAugment', codec=codec,
    joint_weights=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5])
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(data_preprocessor=dict(batch_augments=[augment]), head=dict(decoder=codec))
train_dataloader = dict(
    _delete_=True,
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='PackedCrops',
                input_size=codec['input_size'],
                dataset=dict(
                    type=_base_.dataset_type,
                    data_root=_base_.data_root,
                    data_mode='topdown',
                    ann_file=f'{name}.json',
                    data_prefix=dict(img='')))
            for name in ('coco_train', 'lspet_train_coco17', 'stanford40_pseudo')
        ]))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=1, val_interval=1)
optim_wrapper = dict(
    _delete_=True,
    type='AutocastOptimWrapper',
    constructor='MuonConstructor',
    optimizer=dict(
        type='Muon', lr=0.02, weight_decay=0.01, momentum=0.95, adamw_lr=2e-3, adamw_wd=0.05, adamw_betas=(0.9, 0.99),
        adamw_eps=1e-8),
    clip_grad=dict(max_norm=5.0))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=1, T_max=1, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(save_best=None))
custom_hooks = [*_base_.custom_hooks, dict(type='CPUSpeedHook')]

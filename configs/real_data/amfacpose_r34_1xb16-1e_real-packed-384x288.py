# Eighth run: R34 by the packed recipe, from the packaged R18 weights of 256x256, deepened by
# python tools/deepen_checkpoint.py mmpose_amfac/weights/amfacpose_r18_256x256.pth work_dirs/amfacpose_r34_start.pth
_base_ = '../_base_/real_packed.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(288, 384), simcc_split_ratio=2.0, target='gaussian', sigma=(6.0, 6.93),
    window=21)
augment = dict(_base_.augment, codec=codec)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(backbone=dict(depth=34), data_preprocessor=dict(batch_augments=[augment]), head=dict(decoder=codec))
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        datasets=[
            dict(
                _base_.train_dataloader.dataset.datasets[0],
                input_size=codec['input_size'],
                dataset=dict(_base_.train_dataloader.dataset.datasets[0].dataset, ann_file=f'{name}.json'))
            for name in ('coco_train_fit', 'coco_train_fit', 'lspet_train_coco17')
        ]))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

load_from = 'work_dirs/amfacpose_r34_start.pth'
train_cfg = dict(max_epochs=1, val_interval=1)
randomness = dict(seed=1)
optim_wrapper = dict(optimizer=dict(lr=0.007, adamw_lr=7e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=40, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=1, T_max=1, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]
# for their weights: --resume from within the epoch starts it anew
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=50), logger=dict(interval=10))
auto_scale_lr = dict(base_batch_size=16)

# From the packaged weights of 128x96, whose MLPs are resized, by the packed recipe.
_base_ = '../_base_/real_packed.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(256, 256), simcc_split_ratio=2.0, target='gaussian', sigma=(5.66, 5.66), window=17)
augment = dict(_base_.augment, codec=codec)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(data_preprocessor=dict(batch_augments=[augment]), head=dict(decoder=codec))
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        datasets=[
            dict(
                _base_.train_dataloader.dataset.datasets[0],
                input_size=codec['input_size'],
                dataset=dict(_base_.train_dataloader.dataset.datasets[0].dataset, ann_file=f'{name}.json'))
            for name in ('coco_train_fit', 'coco_train_fit', 'coco_train_fit', 'lspet_train_coco17')
        ]))
val_dataloader = dict(batch_size=32, dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

load_from = 'mmpose_amfac/weights/amfacpose_r18_128x96.pth'
train_cfg = dict(max_epochs=1, val_interval=1)
# half the rates of the base's batch of 64
optim_wrapper = dict(optimizer=dict(lr=0.01, adamw_lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=40, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=1, T_max=1, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]
# for their weights: --resume from within the epoch starts it anew
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=50))
auto_scale_lr = dict(base_batch_size=32)

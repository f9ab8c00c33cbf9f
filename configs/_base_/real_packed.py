# The fast way to train on real person crops: each is cut once (PackedCrops), whole batches are augmented on the device
# (CropAugment), matrices are trained with Muon.
_base_ = './real_r18.py'

# input_size and codec: those of the run
augment = dict(
    type='CropAugment',
    joint_weights=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5])
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
                dataset=dict(
                    type=_base_.dataset_type,
                    data_root=_base_.data_root,
                    data_mode='topdown',
                    ann_file=f'{name}.json',
                    data_prefix=dict(img='')))
            for name in ('coco_train', 'lspet_train_coco17', 'stanford40_pseudo')
        ]))
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader

optim_wrapper = dict(
    _delete_=True,
    type='AutocastOptimWrapper',
    constructor='MuonConstructor',
    optimizer=dict(
        type='Muon', lr=0.02, weight_decay=0.01, momentum=0.95, adamw_lr=2e-3, adamw_wd=0.05, adamw_betas=(0.9, 0.99),
        adamw_eps=1e-8),
    clip_grad=dict(max_norm=5.0))
custom_hooks = [*_base_.custom_hooks, dict(type='CPUSpeedHook')]

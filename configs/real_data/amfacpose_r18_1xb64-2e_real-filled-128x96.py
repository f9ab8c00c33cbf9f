# Fourth run: starts from the 128x96 one of a single epoch. COCO persons stand in an epoch twice, as such are evaluated;
# tools/fill_keypoints.py filled in joints of the sports pictures that nobody labelled, those of the face among them.
_base_ = './amfacpose_r18_1xb64-1e_real-128x96.py'

train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(
                type=_base_.dataset_type,
                data_root=_base_.data_root,
                data_mode='topdown',
                ann_file=f'{name}.json',
                data_prefix=dict(img=''),
                pipeline=[])
            for name in ('coco_train', 'coco_train', 'lspet_train_coco17_filled', 'stanford40_pseudo')
        ]))

load_from = 'work_dirs/amfacpose_r18_1xb64-1e_real-128x96/epoch_1.pth'
train_cfg = dict(max_epochs=2, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=200, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=2, T_max=2, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]

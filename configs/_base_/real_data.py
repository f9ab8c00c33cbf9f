# Person crops of COCO, Leeds Sports Pose Extended and Stanford 40 Actions (machine labels), as
# tools/prepare_real_data.py unpacks them; evaluated on coco_dev with ground-truth boxes. coco_dev is not COCO val2017.
dataset_type = 'CocoDataset'
data_root = 'data/real/'

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CombinedDataset',
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
        datasets=[
            dict(
                type=dataset_type,
                data_root=data_root,
                data_mode='topdown',
                ann_file=f'{name}.json',
                data_prefix=dict(img=''),
                pipeline=[]) for name in ('coco_train', 'lspet_train_coco17', 'stanford40_pseudo')
        ]))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_mode='topdown',
        ann_file='coco_dev.json',
        bbox_file=None,
        data_prefix=dict(img=''),
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=data_root + 'coco_dev.json')
test_evaluator = val_evaluator

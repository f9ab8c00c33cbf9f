# Train on one skeleton, evaluate on another: LSPET's 14 joints become CrowdPose's through KeypointConverter.
_base_ = '../real_data/amfacpose_r18_1xb64-1e_real-128x96.py'

to_crowdpose = dict(
    type='KeypointConverter',
    num_keypoints=14,
    mapping=[(9, 0), (8, 1), (10, 2), (7, 3), (11, 4), (6, 5), (3, 6), (2, 7), (4, 8), (1, 9), (5, 10), (0, 11),
             (13, 12), (12, 13)])
model = dict(head=dict(out_channels=14))
load_from = None
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CombinedDataset',
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        datasets=[
            dict(
                type='CocoDataset',
                data_root='data/real/',
                data_mode='topdown',
                ann_file='lspet_train.json',
                data_prefix=dict(img=''),
                pipeline=[to_crowdpose])
        ],
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type='CrowdPoseDataset',
        data_root='data/crowdpose/',
        ann_file='annotations/mmpose_crowdpose_test.json',
        data_prefix=dict(img='images/')))
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file='data/crowdpose/annotations/mmpose_crowdpose_test.json',
    use_area=False,
    iou_type='keypoints_crowd',
    prefix='crowdpose')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))

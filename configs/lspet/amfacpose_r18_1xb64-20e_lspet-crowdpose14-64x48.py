# CrowdPose's 14 joints from scratch by the packed recipe, evaluated on scenes of LSPET that it is not trained on
# (README.md makes the two files). Nothing is loaded: the networks of 17 joints have seen all of these pictures.
_base_ = '../_base_/real_packed.py'

codec = dict(
    type='AMFACSimCCLabel', input_size=(48, 64), simcc_split_ratio=2.0, target='gaussian', sigma=(2.45, 2.83), window=8)
dataset = dict(
    type='CocoDataset',
    metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
    data_root='data/real/',
    data_mode='topdown',
    data_prefix=dict(img=''))
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(
    data_preprocessor=dict(
        batch_augments=[dict(type='CropAugment', codec=codec, upper_joints=[0, 1, 2, 3, 4, 5, 12, 13])]),
    head=dict(out_channels=14, decoder=codec))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PackedCrops',
        input_size=codec['input_size'],
        dataset=dict(dataset, ann_file='lspet_fit_crowdpose14.json')))
val_dataloader = dict(
    dataset=dict(
        _delete_=True, test_mode=True, pipeline=val_pipeline, **dict(dataset, ann_file='lspet_held_crowdpose14.json')))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='CocoMetric', ann_file='data/real/lspet_held_crowdpose14.json', prefix='crowdpose')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=20, val_interval=20)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=20, T_max=20, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))

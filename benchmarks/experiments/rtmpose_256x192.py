# RTMPose-t at 256x192, where it has as much arithmetic as AMFACPose-R18 at 128x96, for the same samples.
_base_ = './rtmpose_128x96.py'

codec = decoder = dict(_base_.codec, input_size=(192, 256), sigma=(4.9, 5.66))
augment = dict(codec=codec)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(
    data_preprocessor=dict(batch_augments=[dict(_base_.augment, codec=codec)]),
    head=dict(input_size=codec['input_size'], in_featuremap_size=(6, 8), decoder=codec))
train_dataloader = dict(
    dataset=dict(
        datasets=[dict(one, input_size=codec['input_size']) for one in _base_.train_dataloader.dataset.datasets]))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

_base_ = ['../_base_/amfacpose.py', '../_base_/coco.py']

# Gaussian targets and what decodes them, window: ours (README.md)
codec = dict(
    type='AMFACSimCCLabel', input_size=(192, 256), simcc_split_ratio=2.0, target='gaussian', sigma=(4.9, 5.66),
    window=17)
train_pipeline = [
    *_base_.augmentation,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(head=dict(decoder=codec))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

# AMFACPose-R18, 47,232 samples at 128x96 (two epochs of 369 steps); the others of the comparison change the model.
_base_ = './small_64x48.py'

codec = dict(_base_.codec, input_size=(96, 128), sigma=(3.46, 4.0), window=10)
augment = dict(codec=codec)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

model = dict(
    data_preprocessor=dict(batch_augments=[dict(_base_.augment, codec=codec)]), head=dict(decoder=codec))
train_dataloader = dict(
    dataset=dict(
        datasets=[dict(one, input_size=codec['input_size']) for one in _base_.train_dataloader.dataset.datasets]))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
# one pose a box: none lies on another
val_evaluator = dict(nms_mode='none')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=2)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=2, T_max=2, eta_min_ratio=0.01, by_epoch=True,
         convert_to_iter_based=True),
]

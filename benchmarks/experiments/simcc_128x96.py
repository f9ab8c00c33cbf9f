# SimCC on ResNet-18 as MMPose configures it on ResNet-50, by the recipe of the comparison.
_base_ = './r18_128x96.py'

decoder = dict(type='SimCCLabel', input_size=(96, 128), sigma=4.24, simcc_split_ratio=2.0)
codec = dict(_delete_=True, **decoder)
augment = dict(codec=codec)
model = dict(
    _delete_=True,
    type='TopdownPoseEstimator',
    data_preprocessor=dict(_base_.model.data_preprocessor, batch_augments=[dict(_base_.augment, codec=decoder)]),
    backbone=dict(type='ResNet', depth=18),
    head=dict(
        type='SimCCHead',
        in_channels=512,
        out_channels=17,
        input_size=decoder['input_size'],
        in_featuremap_size=(3, 4),
        simcc_split_ratio=decoder['simcc_split_ratio'],
        loss=dict(type='KLDiscretLoss', use_target_weight=True),
        decoder=decoder),
    test_cfg=dict(flip_test=True))

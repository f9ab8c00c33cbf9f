# SimpleBaseline on ResNet-18, heatmaps of stride 4 decoded by DARK, by the recipe of the comparison.
_base_ = './r18_128x96.py'

decoder = dict(
    type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5, unbiased=True, blur_kernel_size=7)
codec = dict(_delete_=True, **decoder)
augment = dict(codec=codec)
model = dict(
    _delete_=True,
    type='TopdownPoseEstimator',
    data_preprocessor=dict(_base_.model.data_preprocessor, batch_augments=[dict(_base_.augment, codec=decoder)]),
    backbone=dict(type='ResNet', depth=18),
    head=dict(
        type='HeatmapHead',
        in_channels=512,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=decoder),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))

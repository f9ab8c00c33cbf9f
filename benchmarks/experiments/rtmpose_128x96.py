# RTMPose-t as MMPose configures it (s and m change widths and depth), by the recipe of the comparison.
_base_ = './r18_128x96.py'

decoder = dict(
    type='SimCCLabel', input_size=(96, 128), sigma=(3.46, 4.0), simcc_split_ratio=2.0, normalize=False, use_dark=False)
codec = dict(_delete_=True, **decoder)
augment = dict(codec=codec)
model = dict(
    _delete_=True,
    type='TopdownPoseEstimator',
    data_preprocessor=dict(_base_.model.data_preprocessor, batch_augments=[dict(_base_.augment, codec=decoder)]),
    backbone=dict(
        _scope_='mmdet',
        type='CSPNeXt',
        arch='P5',
        expand_ratio=0.5,
        deepen_factor=0.167,
        widen_factor=0.375,
        out_indices=(4, ),
        channel_attention=True,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='SiLU')),
    head=dict(
        type='RTMCCHead',
        in_channels=384,
        out_channels=17,
        input_size=decoder['input_size'],
        in_featuremap_size=(3, 4),
        simcc_split_ratio=decoder['simcc_split_ratio'],
        final_layer_kernel_size=7,
        gau_cfg=dict(
            hidden_dims=256, s=128, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn='SiLU',
            use_rel_bias=False, pos_enc=False),
        loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True),
        decoder=decoder),
    test_cfg=dict(flip_test=True))

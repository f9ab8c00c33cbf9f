# RTMPose-t's backbone under AMFACPose's head, targets and loss, by the recipe of the comparison.
_base_ = './r18_128x96.py'

model = dict(
    backbone=dict(
        _delete_=True,
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
    neck=None,
    head=dict(in_channels=384, in_stride=32))

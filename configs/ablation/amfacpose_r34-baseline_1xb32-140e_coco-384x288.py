# baseline: no AFPN, DGCB, SCRM, SE or CoordConv; the same head reads C5
_base_ = '../coco/amfacpose_r34_1xb32-140e_coco-384x288.py'

model = dict(
    backbone=dict(coord_conv='none', scrm='none', se='none', out_indices=(3, )),
    neck=None,
    head=dict(in_channels=512, in_stride=16))

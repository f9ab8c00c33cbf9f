# + DGCB
_base_ = '../coco/amfacpose_r34_1xb32-140e_coco-384x288.py'

model = dict(
    backbone=dict(coord_conv='none', scrm='none', se='none'))

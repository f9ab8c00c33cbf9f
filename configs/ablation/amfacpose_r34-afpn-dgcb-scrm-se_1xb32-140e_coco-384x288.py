# + SE; with CoordConv it is the full network, configs/coco/amfacpose_r34_1xb32-140e_coco-384x288.py
_base_ = '../coco/amfacpose_r34_1xb32-140e_coco-384x288.py'

model = dict(
    backbone=dict(coord_conv='none'))

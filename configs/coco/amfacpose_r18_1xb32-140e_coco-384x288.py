_base_ = './amfacpose_r34_1xb32-140e_coco-384x288.py'

model = dict(backbone=dict(depth=18))

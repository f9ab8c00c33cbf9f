_base_ = './amfacpose_r34_1xb32-140e_coco-256x256.py'

model = dict(backbone=dict(depth=18))

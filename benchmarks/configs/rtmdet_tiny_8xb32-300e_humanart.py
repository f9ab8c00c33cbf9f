"""RTMDet-tiny for persons. MMPose keeps it in projects/, which its wheel does not have."""
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py']
model = dict(bbox_head=dict(num_classes=1), test_cfg=dict(nms_pre=1000, score_thr=0.05, max_per_img=100))

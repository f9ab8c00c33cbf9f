# RTMO and YOLOX-Pose with NMS inside; score_threshold, iou_threshold and keep_top_k yield to the model's test_cfg.
_base_ = './deploy_simcc_static.py'
onnx_config = dict(output_names=['dets', 'keypoints'])
codebase_config = dict(
    post_processing=dict(
        score_threshold=0.05,
        iou_threshold=0.5,
        max_output_boxes_per_class=200,
        pre_top_k=2000,
        keep_top_k=100,
        background_label_id=-1))

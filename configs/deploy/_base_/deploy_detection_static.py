# RTMDet with NMS inside; score_threshold, iou_threshold and keep_top_k yield to the model's test_cfg.
_base_ = './deploy_onnx.py'
onnx_config = dict(output_names=['dets', 'labels'])
codebase_config = dict(
    type='mmdet',
    task='ObjectDetection',
    model_type='end2end',
    post_processing=dict(
        score_threshold=0.05,
        confidence_threshold=0.005,
        iou_threshold=0.5,
        max_output_boxes_per_class=200,
        pre_top_k=5000,
        keep_top_k=100,
        background_label_id=-1),
    module=['mmpose_amfac.deploy'])

_base_ = './deploy_one-stage_static.py'
onnx_config = dict(
    dynamic_axes=dict(input={0: 'batch'}, dets={0: 'batch', 1: 'num_dets'}, keypoints={0: 'batch', 1: 'num_dets'}))

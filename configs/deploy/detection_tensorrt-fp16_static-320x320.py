_base_ = './_base_/deploy_detection_static.py'
onnx_config = dict(input_shape=[320, 320])
backend_config = dict(
    type='tensorrt',
    common_config=dict(fp16_mode=True, max_workspace_size=1 << 30),
    model_inputs=[
        dict(input_shapes=dict(input=dict(min_shape=[1, 3, 320, 320], opt_shape=[1, 3, 320, 320], max_shape=[1, 3, 320, 320])))
    ])

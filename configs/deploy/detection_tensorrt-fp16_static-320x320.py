_base_ = ['./_base_/deploy_detection_static.py', './_base_/tensorrt.py']
shapes = dict(min_shape=[1, 3, 320, 320], opt_shape=[1, 3, 320, 320], max_shape=[1, 3, 320, 320])
onnx_config = dict(input_shape=[320, 320])
backend_config = dict(
    common_config=dict(fp16_mode=True), model_inputs=[dict(input_shapes=dict(input=shapes))])
del shapes

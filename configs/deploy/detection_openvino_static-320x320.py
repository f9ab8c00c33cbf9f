_base_ = './_base_/deploy_detection_static.py'
onnx_config = dict(input_shape=[320, 320])
backend_config = dict(type='openvino', model_inputs=[dict(opt_shapes=dict(input=[1, 3, 320, 320]))])

_base_ = './_base_/deploy_detection_static.py'
onnx_config = dict(input_shape=[640, 640])
backend_config = dict(type='openvino', model_inputs=[dict(opt_shapes=dict(input=[1, 3, 640, 640]))])

_base_ = './pose-detection_simcc_openvino_dynamic.py'
onnx_config = dict(input_shape=[288, 384])
backend_config = dict(model_inputs=[dict(opt_shapes=dict(input=[-1, 3, 384, 288]))])

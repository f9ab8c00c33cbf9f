_base_ = './pose-detection_simcc_tensorrt_static.py'
onnx_config = dict(input_shape=[192, 256])
backend_config = dict(
    model_inputs=[
        dict(
            input_shapes=dict(
                input=dict(
                    min_shape=[1, 3, 256, 192], opt_shape=[1, 3, 256, 192], max_shape=[1, 3, 256, 192])))
    ])

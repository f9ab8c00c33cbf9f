_base_ = './pose-detection_simcc_tensorrt-fp16_static.py'
onnx_config = dict(input_shape=[288, 384])
backend_config = dict(
    model_inputs=[
        dict(
            input_shapes=dict(
                input=dict(
                    min_shape=[1, 3, 384, 288], opt_shape=[1, 3, 384, 288], max_shape=[1, 3, 384, 288])))
    ])

_base_ = './tensorrt.py'
shapes = dict(min_shape=[1, 3, 256, 192], opt_shape=[16, 3, 256, 192], max_shape=[64, 3, 256, 192])
backend_config = dict(model_inputs=[dict(input_shapes=dict(input=shapes))])
del shapes

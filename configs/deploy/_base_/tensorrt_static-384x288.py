_base_ = './tensorrt.py'
shapes = dict(min_shape=[1, 3, 384, 288], opt_shape=[1, 3, 384, 288], max_shape=[1, 3, 384, 288])
backend_config = dict(model_inputs=[dict(input_shapes=dict(input=shapes))])
del shapes

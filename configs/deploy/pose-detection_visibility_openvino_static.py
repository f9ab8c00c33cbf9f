_base_ = './_base_/deploy_visibility_static.py'
backend_config = dict(type='openvino', model_inputs=[dict(opt_shapes=dict(input=[1, 3, 256, 192]))])

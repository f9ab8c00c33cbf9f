_base_ = './deploy_visibility_static.py'
onnx_config = dict(dynamic_axes=dict(input={0: 'batch'}, output={0: 'batch'}, visibility={0: 'batch'}))

_base_ = './deploy_simcc_static.py'
onnx_config = dict(dynamic_axes=dict(input={0: 'batch'}, simcc_x={0: 'batch'}, simcc_y={0: 'batch'}))

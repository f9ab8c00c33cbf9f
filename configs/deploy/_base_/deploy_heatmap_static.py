_base_ = './deploy_simcc_static.py'
onnx_config = dict(output_names=['output'])

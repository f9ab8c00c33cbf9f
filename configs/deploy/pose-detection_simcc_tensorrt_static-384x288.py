_base_ = ['./_base_/deploy_simcc_static.py', './_base_/tensorrt_static-384x288.py']
onnx_config = dict(input_shape=[288, 384])

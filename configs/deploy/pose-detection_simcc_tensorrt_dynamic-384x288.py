_base_ = ['./_base_/deploy_simcc_dynamic.py', './_base_/tensorrt_dynamic-384x288.py']
onnx_config = dict(input_shape=[288, 384])

_base_ = './_base_/deploy_detection_static.py'
onnx_config = dict(input_shape=[320, 320])
backend_config = dict(type='onnxruntime')

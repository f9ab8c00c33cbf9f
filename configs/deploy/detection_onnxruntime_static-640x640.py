_base_ = './_base_/deploy_detection_static.py'
onnx_config = dict(input_shape=[640, 640])
backend_config = dict(type='onnxruntime')

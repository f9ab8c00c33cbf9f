_base_ = './_base_/deploy_integral_static.py'
backend_config = dict(type='onnxruntime')

_base_ = './_base_/deploy_integral_dynamic.py'
backend_config = dict(type='onnxruntime')

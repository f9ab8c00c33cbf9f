_base_ = './_base_/deploy_visibility_dynamic.py'
backend_config = dict(type='onnxruntime')

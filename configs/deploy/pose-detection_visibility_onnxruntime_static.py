_base_ = './_base_/deploy_visibility_static.py'
backend_config = dict(type='onnxruntime')

_base_ = './_base_/deploy_simcc_static.py'
backend_config = dict(type='onnxruntime')

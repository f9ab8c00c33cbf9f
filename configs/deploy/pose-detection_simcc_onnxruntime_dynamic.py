_base_ = './_base_/deploy_simcc_dynamic.py'
backend_config = dict(type='onnxruntime')

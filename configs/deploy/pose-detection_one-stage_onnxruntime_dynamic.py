_base_ = './_base_/deploy_one-stage_dynamic.py'
backend_config = dict(type='onnxruntime')

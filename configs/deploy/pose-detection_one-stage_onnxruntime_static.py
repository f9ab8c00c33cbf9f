_base_ = './_base_/deploy_one-stage_static.py'
backend_config = dict(type='onnxruntime')

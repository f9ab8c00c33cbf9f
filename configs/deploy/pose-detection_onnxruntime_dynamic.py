_base_ = './_base_/deploy_heatmap_dynamic.py'
backend_config = dict(type='onnxruntime')

_base_ = './_base_/deploy_heatmap_static.py'
backend_config = dict(type='onnxruntime')

# Heatmaps, and for each joint whether it is visible.
_base_ = './deploy_simcc_static.py'
onnx_config = dict(output_names=['output', 'visibility'])

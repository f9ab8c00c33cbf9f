# Integral regression: key points, and the heatmaps that they are means of.
_base_ = './deploy_simcc_static.py'
onnx_config = dict(output_names=['keypoints', 'heatmaps'])

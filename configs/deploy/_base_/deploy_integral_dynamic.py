_base_ = './deploy_integral_static.py'
onnx_config = dict(dynamic_axes=dict(input={0: 'batch'}, keypoints={0: 'batch'}, heatmaps={0: 'batch'}))

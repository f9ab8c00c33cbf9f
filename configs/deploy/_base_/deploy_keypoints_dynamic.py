# The graph decodes: key points in pixels of the crop and scores, by the codec's own rule.
_base_ = './deploy_simcc_static.py'
onnx_config = dict(
    # what holds the key points and the scores; the SDK looks for these names
    output_names=['simcc_x', 'simcc_y'],
    dynamic_axes=dict(input={0: 'batch'}, simcc_x={0: 'batch'}, simcc_y={0: 'batch'}))
codebase_config = dict(export_postprocess=True)

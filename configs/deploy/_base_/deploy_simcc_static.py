# SimCC vectors, one picture at a time.
_base_ = './deploy_onnx.py'
onnx_config = dict(output_names=['simcc_x', 'simcc_y'])
codebase_config = dict(
    type='mmpose',
    task='PoseDetection',
    export_postprocess=False,
    # exact rewrites of our networks for speed; other networks stay as they are
    fuse=True,
    module=['mmpose_amfac.deploy'])

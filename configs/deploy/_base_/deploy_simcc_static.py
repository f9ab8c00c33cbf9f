# SimCC vectors, one picture at a time. input_shape None: the size of the model.
onnx_config = dict(
    type='onnx',
    export_params=True,
    # MMDeploy's default makes every weight an input, which keeps engines from folding them
    keep_initializers_as_inputs=False,
    opset_version=17,
    save_file='end2end.onnx',
    input_names=['input'],
    output_names=['simcc_x', 'simcc_y'],
    input_shape=None,
    optimize=False)
codebase_config = dict(
    type='mmpose',
    task='PoseDetection',
    export_postprocess=False,
    # exact rewrites of our networks for speed; other networks stay as they are
    fuse=True,
    module=['mmpose_amfac.deploy'])

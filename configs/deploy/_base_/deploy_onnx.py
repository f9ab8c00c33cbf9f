# input_shape None: the size of the model.
onnx_config = dict(
    type='onnx',
    export_params=True,
    # MMDeploy's default makes every weight an input, which keeps engines from folding them
    keep_initializers_as_inputs=False,
    opset_version=17,
    save_file='end2end.onnx',
    input_names=['input'],
    input_shape=None,
    optimize=False)

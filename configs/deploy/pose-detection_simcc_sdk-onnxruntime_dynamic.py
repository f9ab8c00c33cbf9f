# For a package of MMDeploy's SDK: the graph decodes, for the SDK itself knows only the best bin.
_base_ = './_base_/deploy_keypoints_dynamic.py'
backend_config = dict(type='onnxruntime')

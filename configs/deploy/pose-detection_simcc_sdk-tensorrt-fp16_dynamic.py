# For a package of MMDeploy's SDK: the graph decodes, for the SDK itself knows only the best bin.
_base_ = ['./_base_/deploy_keypoints_dynamic.py', './_base_/tensorrt_dynamic-256x192.py']
backend_config = dict(common_config=dict(fp16_mode=True))

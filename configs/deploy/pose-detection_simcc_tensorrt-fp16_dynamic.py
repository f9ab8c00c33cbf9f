_base_ = ['./_base_/deploy_simcc_dynamic.py', './_base_/tensorrt_dynamic-256x192.py']
backend_config = dict(common_config=dict(fp16_mode=True))

_base_ = ['./_base_/deploy_simcc_static.py', './_base_/tensorrt_static-256x192.py']

_base_ = ['./_base_/deploy_simcc_static.py', './_base_/tensorrt_static-256x192.py']
backend_config = dict(common_config=dict(fp16_mode=True, int8_mode=True))
# calibrated on the validation data of the model's config
calib_config = dict(create_calib=True, calib_file='calib_data.h5')

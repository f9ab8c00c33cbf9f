_base_ = ['./_base_/deploy_simcc_dynamic.py', './_base_/tensorrt_dynamic-384x288.py']
onnx_config = dict(input_shape=[288, 384])
backend_config = dict(common_config=dict(fp16_mode=True, int8_mode=True))
# calibrated on the validation data of the model's config
calib_config = dict(create_calib=True, calib_file='calib_data.h5')

"""What :mod:`benchmarks.select` is asked: devices of published times, and four uses with their limits."""

from typing import NamedTuple


class Device(NamedTuple):
    """A column of ``facts/published.csv``; ``per_second`` where it holds frames per second instead of milliseconds."""

    column: str
    title: str
    per_second: bool = False


DEVICES = {
    'i7-11700-ort': Device('i7_11700_ort_ms', 'Intel i7-11700, ONNX Runtime'),
    'gtx1660ti-trt-fp16': Device('gtx1660ti_trt_fp16_ms', 'GTX 1660 Ti, TensorRT float16'),
    'rtx3090-trt-fp16': Device('rtx3090_trt_fp16_ms', 'RTX 3090, TensorRT float16'),
    'sd865-ncnn-fp16': Device('sd865_ncnn_fp16_ms', 'Snapdragon 865, ncnn float16'),
    'agx-orin-trt-fp16': Device('agx_orin_trt_fp16_ms', 'Jetson AGX Orin, TensorRT float16'),
    'orin-nx-trt-fp16': Device('orin_nx_trt_fp16_ms', 'Jetson Orin NX, TensorRT float16'),
    'v100-ort': Device('v100_ort_ms', 'V100, ONNX Runtime'),
    'gtx1660super-torch': Device('gtx1660super_torch_fps', 'GTX 1660 SUPER, PyTorch, decoding included', True),
    'i7-8700-torch': Device('i7_8700_torch_fps', 'Intel i7-8700, PyTorch, decoding included', True),
}

# name of the use -> (what it asks for, the options of benchmarks.select that say so)
SCENARIOS = {
    'accuracy': (
        'highest AP, cost ignored: research, annotation, offline analysis',
        dict(device='none', dataset='COCO val2017')),
    'real-time': (
        'feedback at the rate of a video camera on a desktop or server, at an AP of 74 or more',
        dict(device='i7-11700-ort', dataset='COCO val2017', training='combined', min_fps=30, min_ap=74)),
    # 60 a second leave half of each frame of a 30 Hz camera for finding the people
    'edge': (
        'a phone or embedded board: little memory and arithmetic',
        dict(device='sd865-ncnn-fp16', dataset='COCO val2017', training='combined', min_fps=60, max_params=10)),
    # no device has published times of top-down and one-stage models, so their arithmetic for a picture is compared
    'crowd': (
        'many people in a picture (20 unless --people is given)',
        dict(device='arithmetic', dataset='CrowdPose test', people=20)),
}

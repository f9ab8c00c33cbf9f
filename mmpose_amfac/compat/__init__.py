"""Mends of the packages around us, and the registration of our modules, applied when their package is imported.

Each shim is one file with ``apply(module)``: it acts only when a feature test shows the fault, and a second call
changes nothing. The hooks are strings: neither a shim nor the package that it mends is imported before it is needed.
"""

import wrapt

from mmpose_amfac.compat import xtcocotools_finder

HOOKS = (
    ('torchvision.extension', 'torchvision_ops:apply'),
    ('mmcv', 'mmcv_ext:apply'),
    ('mmengine.runner.checkpoint', 'safe_checkpoints:apply'),
    ('mmengine.dist.utils', 'cpu_distributed:apply'),
    ('mmengine.model.wrappers.distributed', 'cpu_distributed:apply_to_wrapper'),
    ('mmengine.infer.infer', 'model_aliases:apply'),
    ('mmpose.apis.inference', 'dataset_meta:apply'),
    ('mmpose.apis.inferencers.base_mmpose_inferencer', 'local_detector:apply'),
    ('mmpose.visualization.opencv_backend_visualizer', 'drawing:apply'),
    ('mmpose.models', 'registration:models'),
    ('mmpose.codecs', 'registration:codecs'),
    ('mmpose.datasets', 'registration:datasets'),
    ('mmpose.engine', 'registration:engine'),
    ('mmdeploy.apis.onnx.export', 'mmdeploy_onnx:apply'),
    ('mmdeploy.backend.openvino.onnx2openvino', 'mmdeploy_openvino:apply_to_converter'),
    ('mmdeploy.backend.openvino.wrapper', 'mmdeploy_openvino:apply_to_wrapper'),
    ('mmdeploy.backend.tensorrt.init_plugins', 'mmdeploy_tensorrt:apply'),
    ('mmdeploy.codebase.mmpose.deploy.pose_detection', 'registration:deployment'),
)


def install() -> None:
    """Put every hook in place; packages that are imported already are mended at once."""
    xtcocotools_finder.install()
    for target, function in HOOKS:
        wrapt.register_post_import_hook(f'{__name__}.{function}', target)

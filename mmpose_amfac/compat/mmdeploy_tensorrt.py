"""Lets MMDeploy 1.3 build TensorRT engines where its plugin library does not load.

The library in its wheel is linked to TensorRT 8 (``OSError: libnvinfer.so.8: cannot open shared object file``). It
holds operators that no graph of ours has; TensorRT's parser names a missing one. No upstream report is known.
"""

from mmpose_amfac.compat.wrapping import wrap_once


def apply(init_plugins) -> None:
    """Make ``mmdeploy.backend.tensorrt.init_plugins`` go on without the library."""
    wrap_once(init_plugins, 'load_tensorrt_plugin', _load)


def _load(wrapped, instance, args, kwargs):
    try:
        return wrapped(*args, **kwargs)
    except OSError as error:
        from mmdeploy.utils import get_root_logger
        get_root_logger().warning(f"TensorRT goes on without MMDeploy's own operators: {error}")
        return False

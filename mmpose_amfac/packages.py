"""How to install what an ``import`` does not find."""

# what the extra `runtime` holds
_RUNTIME = ('cv2', 'numpy', 'onnxruntime', 'tqdm', 'wrapt')
# what OpenMMLab's packages ask for has no wheels any more, hence --no-deps
_NAMES = {'PIL': 'pillow', 'mmcv': '--no-deps mmcv-lite==2.1.0', 'mmdeploy': '--no-deps mmdeploy==1.3.1',
          'mmdet': '--no-deps mmdet==3.3.0', 'mmengine': '--no-deps mmengine==0.10.7',
          'mmpose': '--no-deps mmpose==1.3.2', 'skimage': 'scikit-image', 'yaml': 'pyyaml'}


def in_runtime(module: str) -> bool:
    """Whether the extra ``runtime`` holds a module."""
    return module.partition('.')[0] in _RUNTIME


def install_command(module: str) -> str:
    """The command that installs a module, e.g. ``'torch.cuda'`` -> ``python -m pip install torch``."""
    top = module.partition('.')[0]
    if in_runtime(module):
        return "python -m pip install 'mmpose_amfac[runtime]'"
    return f'python -m pip install {_NAMES.get(top, top)}'

"""Configs as the command line gives them."""

from pathlib import Path

from mmpose_amfac.errors import AMFACError


def load_config(path, options=None, work_dir=None, launcher: str = 'none'):
    """Read a config, merge ``options`` (dotted keys), and set what depends on the machine.

    Without CUDA the distributed back end becomes gloo, so that ``--launcher pytorch`` works on CPUs.

    Raises:
        AMFACError: no such file.
    """
    import torch
    from mmengine.config import Config

    if not Path(path).is_file():
        raise AMFACError(f'config {path} does not exist')
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(options or {})
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(path).stem)
    if not torch.cuda.is_available():
        cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    return cfg


def use_autocast(cfg) -> None:
    """Switch the optimiser wrapper to bfloat16 autocast.

    Raises:
        AMFACError: the config has a wrapper that this cannot replace.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper'):
        raise AMFACError(f'--amp cannot replace optim_wrapper.type={kind!r}; allowed: OptimWrapper, AmpOptimWrapper')
    wrapper.type = 'AutocastOptimWrapper'
    for scaler_option in ('loss_scale', 'dtype', 'use_fsdp'):
        wrapper.pop(scaler_option, None)

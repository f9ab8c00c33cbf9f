import pytest
from mmengine.config import ConfigDict

from mmpose_amfac.apis.config import load_config, use_autocast
from mmpose_amfac.errors import AMFACError


def test_options_work_dir_and_back_end(tmp_path):
    (tmp_path / 'small.py').write_text("a = dict(b=1)\n")
    cfg = load_config(tmp_path / 'small.py', {'a.b': 2}, launcher='pytorch')
    assert cfg.a.b == 2 and cfg.work_dir.endswith('small') and cfg.launcher == 'pytorch'
    assert cfg.env_cfg.dist_cfg.backend in ('gloo', 'nccl')
    with pytest.raises(AMFACError, match='nope.py does not exist'):
        load_config(tmp_path / 'nope.py')


def test_autocast_replaces_the_wrapper_of_other_precisions_and_no_other():
    cfg = ConfigDict(optim_wrapper=dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(type='SGD', lr=1)))
    use_autocast(cfg)
    assert cfg.optim_wrapper == dict(type='AutocastOptimWrapper', optimizer=dict(type='SGD', lr=1))
    with pytest.raises(AMFACError, match='ApexOptimWrapper'):
        use_autocast(ConfigDict(optim_wrapper=dict(type='ApexOptimWrapper')))

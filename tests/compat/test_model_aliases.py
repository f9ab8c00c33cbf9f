from pathlib import Path

import pytest
import yaml
from mmengine.infer.infer import BaseInferencer

from mmpose_amfac import paths
from mmpose_amfac.errors import AMFACError

MODELS = [
    dict(Name='amfac_r18', Config='configs/amfac_r18.py', Alias=['amfac-tiny'], Weights='mmpose_amfac/weights/a.pth'),
    dict(Name='amfac_r34', Config='configs/amfac_r34.py', Alias='amfac-big'),
    dict(Name='amfac_body', Config='configs/amfac_body.py', Alias='body'),
]


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An index of ours with packaged weights, without weights, and with an alias that MMPose has too."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'model-index.yml').write_text(yaml.safe_dump(dict(Import=['configs/metafile.yml'])))
    (tmp_path / 'configs' / 'metafile.yml').write_text(yaml.safe_dump(dict(Models=MODELS)))
    for entry in MODELS:
        (tmp_path / entry['Config']).write_text(f'model = dict(type={entry["Name"]!r})\n')
    monkeypatch.setattr(paths, 'mim_root', lambda: tmp_path)
    return tmp_path


class Named:
    """As much of an inferencer as the look-up reads."""

    scope = 'mmpose'
    load = BaseInferencer._load_model_from_metafile


@pytest.mark.parametrize('name', ['amfac-tiny', 'amfac_r18', 'AMFAC-Tiny'])
def test_found_by_alias_and_name(root, name):
    config, weights = Named().load(name)
    assert (config.model.type, weights) == ('amfac_r18', str(paths.WEIGHTS / 'a.pth'))


def test_the_fault_without_the_shim(root):
    plain = BaseInferencer._get_models_from_metafile.__wrapped__
    names = [entry['Name'] for entry in plain(mmpose_folder())]
    assert len(names) > 100
    assert 'amfac_r18' not in names


def mmpose_folder() -> str:
    return BaseInferencer._get_repo_or_mim_dir('mmpose')


def test_mmpose_comes_first(root):
    names = [entry['Name'] for entry in BaseInferencer._get_models_from_metafile(mmpose_folder())]
    assert names[-3:] == ['amfac_r18', 'amfac_r34', 'amfac_body']
    config, weights = Named().load('body')
    assert weights.startswith('https://')
    assert config.model.type == 'TopdownPoseEstimator'


def test_other_packages_do_not_get_our_models(root):
    folder = BaseInferencer._get_repo_or_mim_dir('mmdet')
    assert not [entry for entry in BaseInferencer._get_models_from_metafile(folder) if entry['Name'] == 'amfac_r18']


def test_missing_weights_are_an_error_only_when_they_are_loaded(root):
    from mmengine.runner.checkpoint import _load_checkpoint

    config, weights = Named().load('amfac-big')
    assert config.model.type == 'amfac_r34'
    with pytest.raises(AMFACError, match=r"^'amfac-big' has no published weights yet; train it with .*amfac_r34\.py`"):
        _load_checkpoint(weights, map_location='cpu')


def test_an_unknown_name_lists_ours_nearest_first(root):
    with pytest.raises(AMFACError, match='from mmpose_amfac: amfac-tiny, amfac-big, ') as error:
        Named().load('amfac-tny')
    assert str(error.value).startswith("unknown model 'amfac-tny'; ")
    assert '\n' not in str(error.value)


def test_another_scope_keeps_its_own_message(root):
    named = Named()
    named.scope = 'mmdet'
    with pytest.raises(ValueError, match='^Cannot find model: amfac-tny in mmdet$'):
        named.load('amfac-tny')


def test_alias_list_of_mmpose_knows_ours(root):
    from mmpose.apis.inferencers import get_model_aliases

    aliases = get_model_aliases('mmpose')
    assert (aliases['amfac-tiny'], aliases['amfac-big']) == ('amfac_r18', 'amfac_r34')
    assert 'rtmpose-l' in aliases

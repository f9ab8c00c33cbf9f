from pathlib import Path

import pytest
import yaml

from mmpose_amfac import model_index, paths
from mmpose_amfac.errors import AMFACError

MODELS = [
    dict(
        Name='amfac_r18',
        Config='configs/a/amfac_r18.py',
        Alias=['Tiny', 'tiny-18'],
        Weights='mmpose_amfac/weights/a.pth',
    ),
    dict(Name='amfac_r34', Config='configs/a/amfac_r34.py', Alias='big'),
    dict(Name='amfac_far', Config='configs/a/far.py', Weights='https://example.org/far.pth'),
]


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An index of three models: with packaged weights, with none, and with an address and no alias."""
    (tmp_path / 'configs' / 'a').mkdir(parents=True)
    (tmp_path / 'model-index.yml').write_text(yaml.safe_dump(dict(Import=['configs/a/metafile.yml'])))
    (tmp_path / 'configs' / 'a' / 'metafile.yml').write_text(yaml.safe_dump(dict(Models=MODELS)))
    monkeypatch.setattr(paths, 'mim_root', lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize('name', ['amfac_r18', 'AMFAC_R18', 'tiny', 'Tiny-18'])
def test_found_by_name_and_alias_in_any_case(root, name):
    model = model_index.find(name)
    assert (model.name, model.alias) == ('amfac_r18', 'Tiny')
    assert (model.config, model.weights) == (root / 'configs/a/amfac_r18.py', paths.WEIGHTS / 'a.pth')


def test_weights_may_be_absent_or_an_address(root):
    assert model_index.find('big').weights is None
    far = model_index.find('amfac_far')
    assert (far.weights, far.alias) == ('https://example.org/far.pth', 'amfac_far')


def test_an_unknown_name_lists_the_nearest_first(root):
    with pytest.raises(AMFACError, match=r"^unknown model 'tny'; known: Tiny, tiny-18, big$"):
        model_index.find('tny')


def test_what_is_said_where_no_weights_are(root):
    text = model_index.no_weights(model_index.find('big'))
    assert text.startswith("'big' has no published weights yet; train it with `mim train mmpose_amfac amfac_r34.py`")
    assert str(root / 'configs/a/amfac_r34.py') in text and '--weights FILE.pth' in text


def test_no_index_is_no_models(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, 'mim_root', lambda: tmp_path)
    assert model_index.models() == []
    with pytest.raises(AMFACError, match='lists no aliases'):
        model_index.find('big')

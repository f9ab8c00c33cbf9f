"""Result files: what is written can be read, and nothing else."""

import json

import pytest

from benchmarks import results, schema
from benchmarks.results import Results
from mmpose_amfac.errors import AMFACError

ENVIRONMENT = dict(device='CPU (a name)', commit=None, versions=dict(python='3.11'))
ROW = dict(id='one', name='one', system='One', paradigm='', input=[192, 256], config_sha256='0' * 64, params=1, macs=2,
           activations=3, published_params_m=None, published_gmacs=1.5, params_off=None, macs_off=-0.01, note='',
           environment=ENVIRONMENT)


def test_rows_come_back_and_a_row_replaces_that_of_its_id(tmp_path):
    path = tmp_path / 'new' / 'file.json'
    found = Results(path, 'complexity')
    found.add(ROW)
    found.add({**ROW, 'id': 'two', 'environment': {**ENVIRONMENT, 'commit': 'abc'}}, {**ROW, 'params': 7})
    again = Results(path, 'complexity')
    assert again.rows == found.rows == results.read(path, 'complexity')
    assert [row['id'] for row in again.rows] == ['one', 'two'] and again.rows[0]['params'] == 7
    assert 'one' in again and 'three' not in again
    content = json.loads(path.read_text())
    assert len(content['environments']) == 2
    assert not list(path.parent.glob('.*'))


def test_a_row_without_figures_needs_the_reason(tmp_path):
    settings = {key: ROW[key] for key in ('id', 'name', 'system', 'paradigm', 'input', 'environment')}
    found = Results(None, 'complexity')
    with pytest.raises(AMFACError, match="one: 'params' is a required property"):
        found.add(settings)
    found.add({**settings, 'reason': 'it needs a compiled operator'})
    with pytest.raises(AMFACError, match='one.reason'):
        found.add({**settings, 'reason': ''})


@pytest.mark.parametrize('change, said', [
    (dict(params='1'), "one.params: '1' is not of type 'integer'"),
    (dict(input=[192]), 'one.input: .*too short'),
    (dict(more=1), "'more' was unexpected"),
    (dict(environment=dict(device='x')), 'one.environment'),
])
def test_what_the_schema_does_not_know_is_refused(change, said, tmp_path):
    path = tmp_path / 'file.json'
    with pytest.raises(AMFACError, match=said):
        Results(path, 'complexity').add({**ROW, **change})
    assert not path.exists()


def good():
    return dict(kind='complexity', environments=[ENVIRONMENT], rows=[{**ROW, 'environment': 0}])


@pytest.mark.parametrize('spoil, said', [
    (lambda c: c.update(kind='speed'), 'not a result file of the kind'),
    (lambda c: c.pop('environments'), 'no lists environments and rows'),
    (lambda c: c['rows'][0].update(environment=1), r'rows\[0\].environment'),
    (lambda c: c['rows'].append(c['rows'][0]), "'one' stands twice"),
    (lambda c: c['rows'].append(3), r'rows\[1\].environment'),
    (lambda c: c['rows'][0].pop('macs'), r"rows\[0\]: 'macs' is a required"),
])
def test_another_file_is_not_read_as_a_result(spoil, said, tmp_path):
    content, path = good(), tmp_path / 'file.json'
    spoil(content)
    path.write_text(json.dumps(content))
    with pytest.raises(AMFACError, match=said):
        Results(path, 'complexity')
    path.write_text(json.dumps(good())[:-5])
    with pytest.raises(AMFACError, match='is not JSON'):
        results.read(path, 'complexity')


# written by tools/test.py and by training
OTHERS = ('accuracy_amfacpose_*.json', 'training/*')


def checked(folder):
    """The result files of a folder, all read."""
    found = [path for path in sorted(folder.rglob('*.json'))
             if not any(path.relative_to(folder).match(pattern) for pattern in OTHERS)]
    for path in found:
        content = json.loads(path.read_text())
        kind = content.get('kind') if isinstance(content, dict) else None
        assert kind in schema.ROWS and kind in path.stem.split('_'), f'{path} is not named after its kind'
        assert results.read(path, kind)
    return found


def test_committed_result_files_are_what_the_schema_says(root):
    assert {path.stem for path in checked(root / 'benchmarks/results')} >= {'people', 'parity', 'profile', 'mish'}


@pytest.mark.parametrize('name, content', [('people_old.json', '{}'), ('people.json', '{"rows": []}'),
                                           ('sub/speed.json', '[]')])
def test_a_file_without_a_kind_is_found(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    with pytest.raises((AssertionError, AMFACError)):
        checked(tmp_path)

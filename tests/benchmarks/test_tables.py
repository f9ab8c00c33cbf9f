import subprocess
import sys

import pytest
from constructed import ENVIRONMENT, PROTOCOL, accuracy, everything, interval, scaling, speed

from benchmarks import tables
from benchmarks.results import Results, read
from mmpose_amfac.errors import AMFACError


def test_markdown_tables_are_those_of_the_result_files(root):
    done = subprocess.run([sys.executable, '-m', 'benchmarks.tables', '--check'], cwd=root, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert '<!-- table: accuracy -->' in (root / 'README.md').read_text()


def test_a_typed_figure_is_found_and_mended(root, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('before\n<!-- table: complexity -->\n| 9.9 |\n<!-- end -->\nafter\n')
    command = [sys.executable, '-m', 'benchmarks.tables', str(page)]
    assert subprocess.run([*command, '--check'], cwd=root, capture_output=True).returncode == 1
    assert '9.9' in page.read_text()
    subprocess.run(command, cwd=root, check=True)
    text = page.read_text()
    assert '9.9' not in text and '3.781' in text and text.startswith('before') and text.endswith('after\n')
    assert tables.fill(text) == text


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    page = tmp_path / 'page.md'
    page.write_text('<!-- table: zoos -->\n<!-- end -->\n')
    with pytest.raises(AMFACError, match=r"page.md: there is no table 'zoos'; there are .*zoo, "):
        tables.main([str(page)])
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    for name, (_, kind) in tables.TABLES.items():
        if kind:
            assert f'Not measured yet: `python -m benchmarks.{kind}` writes' in tables.shown(name), name
    (tmp_path / 'scaling.json').write_text('{}')
    with pytest.raises(AMFACError, match='scaling.json is not a result file'):
        tables.shown('crossover')


def test_a_table_shows_one_device_and_names_it(tmp_path, monkeypatch):
    folder = everything(tmp_path / 'results')
    monkeypatch.setattr(tables, 'RESULTS', folder)
    before = {name: tables.shown(name) for name in ('zoo', 'crossover', 'scaling')}
    assert all('CPU (constructed)' in text for text in before.values())
    other = dict(ENVIRONMENT, device='A GPU')
    name = 'rtmpose-m_8xb256-420e_coco-256x192'
    speed(folder, name, 'onnxruntime', 0.5, id='gpu', environment=other)
    scaling(folder, name, 1, 0.001, id='gpu', environment=other)
    assert {name: tables.shown(name) for name in before} == before


def test_what_only_another_device_has_is_marked_and_stands_apart(tmp_path, monkeypatch):
    folder = everything(tmp_path / 'results')
    monkeypatch.setattr(tables, 'RESULTS', folder)
    other, name = dict(ENVIRONMENT, device='A GPU'), 'td-hm_mobilenetv2_8xb64-210e_coco-256x192'
    assert 'A GPU' not in ''.join(map(tables.shown, ('zoo', 'multiplier', 'memory', 'speed')))
    for backend, ms in (('onnxruntime', 5.0), ('eager', 10.0)):
        speed(folder, name, backend, ms, id=backend, environment=other, peak_memory_mb=7)
    lines = tables.shown('zoo').splitlines()
    assert '; a: on A GPU, ' in lines[0]
    assert [' (a) | ' in line for line in lines[2:]] == ['MobileNetV2' in line for line in lines[2:]]
    for table, start in (('multiplier', 'On A GPU, float32'), ('memory', 'MB, on A GPU, float32')):
        before, found, after = tables.shown(table).partition(start)
        assert found and f'| {name} |' in after and name not in before


def test_rows_of_two_protocols_are_two_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    accuracy(tmp_path, 'one', 0.5)
    row = next(row for row in read(tmp_path / 'occlusion.json', 'occlusion') if row['way'] == 'none')
    other = dict(PROTOCOL, annotations='others.json', annotations_sha256='b' * 64, flip_test=None)
    Results(tmp_path / 'occlusion.json', 'occlusion').add(
        dict(row, id='other none', protocol=other),
        dict(row, id='other cut', protocol=other, way='cut', level=0.5, metrics=dict(row['metrics'], AP=0.125)))
    text = tables.shown('occlusion')
    assert text.count('| model |') == 2 and '| `one` | texture | 0.500 | 0.375 | 0.250 |' in text
    second = text.partition('AP (others (bbbbbbbb)')[2]
    assert 'flip test not stated' in second and '| `one` | cut | 0.500 | 0.125 |' in second
    # of a protocol and interval of its own, and a reason
    Results(tmp_path / 'compare.json', 'compare').add(dict(
        read(tmp_path / 'compare.json', 'compare')[0], id='other', interval=interval(0.02)))
    for name in ('comparisons', 'zoo_accuracy', 'calibration'):
        assert 'person_keypoints_val (aaaaaaaa), 54 pictures, 120 persons, boxes: ground truth' in tables.shown(name)

"""The joined table: what is published, what is measured, and why something is empty."""

import csv
import json

import pytest
from constructed import MS, everything, speed

from benchmarks import joined, tables, zoo
from benchmarks.results import RESULTS
from mmpose_amfac.errors import AMFACError

RTMPOSE = 'rtmpose-m_8xb256-420e_coco-256x192'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return everything(tmp_path_factory.mktemp('joined'))


def by_name(results):
    return {line.name: line for line in joined.table(results)}


def test_every_system_is_in_it_with_its_published_figures(tmp_path):
    lines = by_name(tmp_path)
    with open(zoo.PUBLISHED, newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    assert list(lines) == [row['name'] for row in rows]
    for row in rows:
        line = lines[row['name']]
        assert (line.ap, line.published_params, line.published_gmacs) == tuple(
            float(row[key]) if row[key] else None for key in ('ap', 'params_m', 'gmacs'))
        assert line.params is line.gmacs is None and not line.speed and not line.accuracy
        assert line.reasons['speed']
    assert 'python -m benchmarks.speed' in lines[RTMPOSE].reasons['speed']
    assert lines['published_br-pose-coco'].reasons['speed'] == 'only published figures are known'


def test_counted_figures_are_those_of_the_file():
    lines = by_name(RESULTS)
    rows = json.loads((RESULTS / 'complexity.json').read_text())['rows']
    for row in rows:
        if 'reason' in row:
            assert lines[row['name']].params is None and lines[row['name']].reasons['complexity'] == row['reason']
            continue
        assert lines[row['name']].params == row['params'] / 1e6 and lines[row['name']].gmacs == row['macs'] / 1e9
    extra = [line for line in lines.values() if not line.published]
    assert extra and all(line.reasons['ap'] == 'not in facts/published.csv' for line in extra)


def test_measured_figures_stand_beside_the_published(folder):
    lines = by_name(folder)
    line = lines[RTMPOSE]
    assert (line.ap, line.params, line.gmacs) == (74.6, 10, 1)
    assert line.speed['onnxruntime', 1, 1, 'fp32']['ms'][0] == MS[RTMPOSE]
    assert line.speed['eager', 1, 1, 'fp32']['ms'][0] == 3 * MS[RTMPOSE]
    assert line.accuracy[0]['metrics']['AP'] == 0.731 and len(line.scaling) == 4
    assert line.title == 'RTMPose-m 256x192' and not line.reasons
    dekr = lines['dekr_hrnet-w32_8xb10-140e_coco-512x512']
    assert dekr.speed['onnxruntime', 1, 1, 'fp32']['reason'] == 'no DeformConv2d'
    assert dekr.reasons['complexity'].startswith('not measured: no row in complexity.json')


@pytest.mark.parametrize('forms', [('written', 'deploy'), ('deploy', 'written')])
def test_of_several_forms_that_for_deployment_counts_and_all_are_kept(tmp_path, forms):
    for form in forms:
        speed(tmp_path, RTMPOSE, 'onnxruntime', dict(deploy=7.0, written=5.0)[form], id=form, form=form)
    line = by_name(tmp_path)[RTMPOSE]
    assert line.speed['onnxruntime', 1, 1, 'fp32']['form'] == 'deploy' and len(line.speed_rows) == 2


def test_the_usual_speed_is_the_one_with_most_rows(folder, tmp_path):
    lines = joined.table(folder)
    assert joined.usual_speed(lines) == ('onnxruntime', 1, 1, 'fp32')
    assert joined.usual_speed(lines, backend='eager') == ('eager', 1, 1, 'fp32')
    assert joined.usual_speed(lines, threads=2) is None
    speed(tmp_path, RTMPOSE, 'onnxruntime', 5.0)
    speed(tmp_path, RTMPOSE, 'openvino', 5.0, threads=2)
    speed(tmp_path, 'rtmpose-s_8xb256-420e_coco-256x192', 'openvino', 5.0, threads=2)
    # torch comes last, however much was measured with it
    for name in MS:
        speed(tmp_path, name, 'eager', 5.0)
    assert joined.usual_speed(joined.table(tmp_path)) == ('openvino', 2, 1, 'fp32')


def test_times_are_those_of_one_device(tmp_path, monkeypatch):
    def row(device, ms):
        speed(tmp_path, RTMPOSE, 'onnxruntime', ms, id=device, environment=dict(
            device=device, commit=None, versions={}))

    row('CPU (slow)', 20.0)
    assert by_name(tmp_path)[RTMPOSE].speed['onnxruntime', 1, 1, 'fp32']['ms'][0] == 20.0
    row('A GPU', 2.0)
    # neither is this machine: that with most rows, of equally many the first by name
    assert [r['ms'][0] for r in by_name(tmp_path)[RTMPOSE].speed_rows] == [2.0]
    with pytest.raises(AMFACError, match=r'--device P must name one of the .*: CPU \(slow\); A GPU'):
        joined.table(tmp_path, 'P')
    fast, = [line for line in joined.table(tmp_path, 'gpu') if line.name == RTMPOSE]
    assert [r['ms'][0] for r in fast.speed_rows] == [2.0]
    monkeypatch.setattr(joined, 'cpu_name', lambda: 'CPU (slow)')
    slow = by_name(tmp_path)[RTMPOSE]
    assert [r['ms'][0] for r in slow.speed_rows] == [20.0] == [slow.speed['onnxruntime', 1, 1, 'fp32']['ms'][0]]
    # a page that is kept shows the device with most rows, wherever it is made
    speed(tmp_path, 'rtmo-s_8xb32-600e_coco-640x640', 'onnxruntime', 9.0, id='more', environment=dict(
        device='A GPU', commit=None, versions={}))
    assert joined.most_measured(tmp_path) == 'A GPU'


@pytest.mark.parametrize(('system', 'family'), [
    ('SimpleBaseline ResNet-50 (visibility head)', 'SimpleBaseline ResNet'),
    ('SimpleBaseline ResNeXt-101', 'SimpleBaseline ResNeXt'), ('SimpleBaseline Swin-B', 'SimpleBaseline Swin'),
    ('SimpleBaseline MobileNetV2', 'SimpleBaseline MobileNetV2'), ('HRNet-W48+UDP', 'HRNet'), ('RTMPose-t', 'RTMPose'),
    ('Lite-HRNet-18', 'Lite-HRNet'), ('Stacked Hourglass-52', 'Stacked Hourglass'), ('YOLOX-Pose-l', 'YOLOX-Pose'),
    ('ED-Pose ResNet-50', 'ED-Pose'), ('Integral regression DSNT ResNet-50', 'Integral regression'),
    ('AMFACPose-R34 ablation: +AFPN', 'AMFACPose'), ('RTMDet-nano (person)', 'RTMDet'),
    ('DeepPose ResNet-50', 'DeepPose')])
def test_families(system, family):
    assert joined.family_of(system) == family


def test_a_broken_file_and_a_missing_folder_are_errors(tmp_path):
    (tmp_path / 'speed.json').write_text('{"kind": "speed"}')
    with pytest.raises(AMFACError, match='speed.json'):
        joined.table(tmp_path)
    with pytest.raises(AMFACError, match='--results: .*nowhere is not a folder'):
        joined.table(tmp_path / 'nowhere')


def test_the_table_of_the_readme_has_all_three_kinds_of_figures(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, 'RESULTS', RESULTS)
    assert len(set(tables.SHOWN)) == len(tables.SHOWN) and set(tables.SHOWN) <= set(zoo.systems())
    text = tables.shown('zoo')
    assert text.count('\n| ') == 2 + len(tables.SHOWN)
    assert '| Lite-HRNet-30 256x192 | COCO | 67.6 | 1.76 | 0.39 (0.42) |' in text
    # 1.93 counted rounds to the paper's 1.9
    assert '| AMFACPose-R18 256x256 | COCO | 72.1 (boxes: not stated, flip: not stated) | 2.41 | 1.93 |' in text
    monkeypatch.setattr(tables, 'RESULTS', folder)
    text = tables.shown('zoo')
    assert 'on CPU (constructed), onnxruntime, 1 thread, float32, median [p10, p90].' in text
    assert '| 74.6 | 10.00 (13.59) | 1.00 (1.93) | 20.0 [18.0, 22.0] | 1.00 [0.90, 1.10] |' in text
    # a reason stands where a time would
    speed(folder, 'dekr_hrnet-w48_8xb10-140e_coco-640x640', 'onnxruntime', 'too slow')
    assert '| DEKR HRNet-W48 640x640 | COCO | 71.4 (no boxes, flip) |  |  | too slow |' in tables.shown('zoo')


def test_the_table_of_corrections_has_a_row_for_each():
    with open(zoo.HERE / 'facts/corrections.csv', newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    lines = tables.shown('corrections').splitlines()
    assert len(lines) == 2 + len(rows) and all(line.count('|') == 4 for line in lines)
    assert rows[3]['correct'] in lines[5]


def test_smallest_follows_the_counts():
    lines = [joined.Line('a', 'HRNet-W32', dataset='COCO val2017', gmacs=2.0),
             joined.Line('b', 'HRNet-W48', dataset='COCO val2017', gmacs=1.0),
             joined.Line('c', 'HRNet-W18', dataset='COCO val2017'),
             joined.Line('d', 'HRNet-W18', dataset='CrowdPose test', gmacs=0.1),
             joined.Line('e', 'RTMO-s', dataset='COCO val2017', gmacs=0.5)]
    assert {family: line.name for family, line in joined.smallest(lines).items()} == {'RTMO': 'e', 'HRNet': 'b'}

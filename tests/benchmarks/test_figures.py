"""Figures: what is drawn is what the files say, and only that."""

import json
import re

import numpy as np
import pytest
from constructed import MS, complexity, everything, scaling, speed
from matplotlib.collections import PathCollection

from benchmarks import figures, joined, zoo
from benchmarks.pages import curves, plots
from mmpose_amfac.errors import AMFACError

RTMPOSE, RTMO = 'rtmpose-m_8xb256-420e_coco-256x192', 'rtmo-s_8xb32-600e_coco-640x640'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return everything(tmp_path_factory.mktemp('figures'))


def drawn(results, out, *options):
    assert figures.main(['--results', str(results), '--out', str(out), *options]) == 0
    return {path.stem: path.read_bytes() for path in out.glob('*.svg')}


def figure(name, results, device=None):
    """The figure itself, to read what stands in it."""
    args = type('Args', (), dict(backend=None, threads=None, device=device))
    with plots.style():
        return figures.FIGURES[name](results, args)


def marks(ax):
    return np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections
                           if isinstance(c, PathCollection) and len(c.get_offsets()) == 1])


@pytest.mark.slow
def test_all_figures_are_drawn_the_same_each_time(folder, tmp_path):
    first = drawn(folder, tmp_path / 'a')
    assert set(first) == set(figures.FIGURES) and len(first) == 6
    assert all((tmp_path / f'a/{name}.png').read_bytes().startswith(b'\x89PNG') for name in first)
    again = drawn(folder, tmp_path / 'b', '--only', 'pareto', 'scaling')
    assert len(again) == 2 and again.items() <= first.items()
    assert not [name for name, svg in first.items() if re.search(rb'<dc:date>|20\d\d-\d\d', svg)]


@pytest.mark.slow
def test_another_figure_in_the_file_is_another_drawing(folder, tmp_path):
    before = drawn(folder, tmp_path / 'a', '--only', 'ap_fps', 'calibration')
    for path in folder.glob('*.json'):
        (tmp_path / path.name).write_text(path.read_text())
    speed(tmp_path, RTMPOSE, 'onnxruntime', MS[RTMPOSE] + 1)
    content = json.loads((tmp_path / 'calibration.json').read_text())
    content['rows'][0]['bins'][0]['rate'] = 0.5
    (tmp_path / 'calibration.json').write_text(json.dumps(content))
    after = drawn(tmp_path, tmp_path / 'b', '--only', 'ap_fps', 'calibration')
    assert before['ap_fps'] != after['ap_fps'] and before['calibration'] != after['calibration']


def test_marks_stand_where_the_files_say(folder):
    lines = {line.name: line for line in joined.table(folder)}
    ax, = figure('ap_params', folder).axes
    expected = sorted((10.0 * (i + 1), lines[name].ap) for i, name in enumerate(MS))
    assert sorted(map(tuple, marks(ax))) == expected
    ax, = figure('ap_fps', folder).axes
    assert np.allclose(sorted(map(tuple, marks(ax))), sorted((1000 / ms, lines[name].ap) for name, ms in MS.items()))
    assert 'CPU (constructed), onnxruntime, 1 thread, float32, batch 1' in ax.get_title(loc='left')


def test_only_one_protocol_and_training_set_is_drawn(folder, tmp_path):
    for name in ('rtmpose-m_8xb256-420e_body8-256x192', 'rtmpose-m_8xb64-210e_crowdpose-256x192',
                 'rtmdet_nano_320-8xb32_coco-person', RTMPOSE):
        complexity(tmp_path, name, 1_000_000, 1_000_000)
    assert [line.name for line in figures.comparable(tmp_path)] == [RTMPOSE]
    assert {line.train_data for line in figures.comparable(folder)} == {
        'COCO', 'COCO (backbone pre-trained with UDP heatmaps on AIC+COCO)'}
    # the paper states no boxes: its mark is hollow, no other is
    hollow = [c for c in figure('ap_params', folder).axes[0].collections
              if len(c.get_offsets()) == 1 and not len(c.get_facecolor())]
    assert [tuple(c.get_offsets()[0]) for c in hollow] == [(40.0, 72.1)]


def test_the_frontier_is_what_no_other_beats():
    rng = np.random.default_rng(0)
    points = [(float(x), float(y), i) for i, (x, y) in enumerate(rng.integers(0, 12, (60, 2)))]
    kept = plots.frontier(points)
    beaten = {(x, y) for x, y, _ in points
              if any(a <= x and b >= y and (a, b) != (x, y) for a, b, _ in points)}
    assert {(x, y) for x, y, _ in kept} == {(x, y) for x, y, _ in points} - beaten
    assert [p[0] for p in kept] == sorted(p[0] for p in kept)


def test_pareto_takes_arithmetic_where_no_time_was_measured(folder, tmp_path):
    for i, name in enumerate(MS):
        complexity(tmp_path, name, 1_000_000, (i + 1) * 1_000_000_000)
    ax, = figure('pareto', tmp_path).axes
    assert ax.get_xlabel().startswith('GMACs') and 'no speed was measured' in ax.get_title(loc='left')
    ax, = figure('pareto', folder).axes
    steps = [line for line in ax.lines if line.get_drawstyle() == 'steps-post']
    # RTMPose-s, RTMPose-m and HRNet-W32; AMFACPose-R18 is slower and worse than RTMPose-m in these files
    assert [list(zip(*line.get_data())) for line in steps] == [
        [(9.0, 71.6), (20.0, 74.6), (110.0, 74.9)], [(100.0, 67.7)]]


def test_a_ring_stands_where_the_lines_meet(folder):
    ax = figure('scaling', folder).axes[0]
    ring, = [line.get_xydata()[0] for line in ax.lines if line.get_markerfacecolor() == 'none']
    # 0.03 + 0.01 n = 0.075
    assert np.allclose(ring, (4.5, 75)) and '4.5' in [t.get_text() for t in ax.texts]
    lines = {line.get_label(): line.get_xydata() for line in ax.lines if len(line.get_xydata()) > 1}
    assert np.allclose(lines['RTMPose-m 256x192 + RTMDet-nano (person) 320x320'], [(1, 40), (2, 50), (4, 70), (8, 110)])
    assert np.allclose(lines['RTMO-s 640x640'], [(n, 75) for n in (1, 2, 4, 8)])


def test_occlusion_and_calibration_draw_the_rows(folder):
    ax, = figure('occlusion', folder).axes
    (line,) = ax.lines
    assert np.allclose(line.get_data(), [[0, 0.25, 0.5], [73.1, 73.1 * 0.75, 73.1 * 0.5]])
    title = ax.get_title(loc='left').replace('\n', ' ')
    assert '120 persons, boxes: ground truth, no flip test, score: keypoint' in title and 'band: 95% interval' in title
    ax, = figure('calibration', folder).axes
    assert np.allclose(ax.lines[1].get_data(), [[0.25, 0.75], [0.4, 0.85]])
    assert 'error 0.123' in ax.lines[1].get_label()


def test_what_is_not_measured_is_left_out_and_said(tmp_path, capsys):
    assert not drawn(tmp_path, tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 6 and all('not drawn' in line and 'python -m benchmarks.' in line for line in said)
    with pytest.raises(SystemExit):
        figures.main(['--only', 'nothing'])


def test_a_broken_result_file_is_an_error(folder, tmp_path):
    for kind in ('speed', 'scaling', 'occlusion', 'calibration'):
        content = json.loads((folder / f'{kind}.json').read_text())
        content['rows'][0]['seed'] = 'none'
        (tmp_path / f'{kind}.json').write_text(json.dumps(content))
        with pytest.raises(AMFACError, match=rf'{kind}.json: rows\[0\].seed'):
            figures.main(['--results', str(tmp_path), '--out', str(tmp_path)])
        (tmp_path / f'{kind}.json').unlink()


def test_two_devices_are_not_put_into_one_figure(folder, tmp_path):
    for name, device in ((RTMPOSE, 'one'), (RTMO, 'two')):
        complexity(tmp_path, name, 1_000_000, 1_000_000)
        speed(tmp_path, name, 'onnxruntime', 5.0, environment=dict(device=device, commit=None, versions={}))
    # of equally many rows those of the first by name
    ax, = figure('ap_fps', tmp_path).axes
    assert ax.get_title(loc='left').splitlines()[-1].startswith('one, ') and len(marks(ax)) == 1
    ax, = figure('ap_fps', tmp_path, device='two').axes
    assert ax.get_title(loc='left').splitlines()[-1].startswith('two, ') and marks(ax)[:, 0] == [200.0]
    scaling(tmp_path, RTMPOSE, 1, 0.1)
    scaling(tmp_path, RTMPOSE, 1, 0.2, id='other', environment=dict(device='two', commit=None, versions={}))
    ax, = figure('scaling', tmp_path, device='two').axes
    assert ax.lines[0].get_xydata().tolist() == [[1, 200.0]]


def test_pareto_takes_no_arithmetic_where_a_back_end_was_asked_for(folder, tmp_path, capsys):
    assert not drawn(folder, tmp_path, '--only', 'pareto', '--backend', 'openvino')
    assert 'not drawn: no speed of float32 at batch 1 on openvino' in capsys.readouterr().out


def test_of_many_systems_some_lines_are_drawn(tmp_path):
    """As many as the command measures unless told otherwise: each system with each detector."""
    from benchmarks.scaling import DETECTORS, PEOPLE, SYSTEMS
    for i, name in enumerate(SYSTEMS):
        top_down = zoo.find(name).paradigm.startswith('td-')
        for j, detector in enumerate(DETECTORS if top_down else ['']):
            for people in PEOPLE:
                scaling(tmp_path, name, people, 0.02 * (i + 1) + (0.005 * people if top_down else 0) + 0.05 * j,
                        detector=detector, id=f'{name} {detector} {people}')
    ax, = figure('scaling', tmp_path).axes
    lines = [line.get_label() for line in ax.lines if len(line.get_xydata()) > 1]
    assert len(lines) == len(set(lines)) == 6
    assert len({label.partition(' + ')[2] for label in lines} - {''}) == 1
    assert {label.partition(' + ')[0] for label in lines} == {joined.title_of(name) for name in curves.NAMED}
    rings = [line for line in ax.lines if line.get_markerfacecolor() == 'none']
    assert 0 < len(rings) <= 9

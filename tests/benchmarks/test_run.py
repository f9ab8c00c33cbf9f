"""The run of all parts: what it takes, what it tells, and that a failure stops nothing."""

import re
import shlex

import pytest

from benchmarks import zoo
from benchmarks.choosing.pareto import kin
from benchmarks.joined import Line
from benchmarks.results import RESULTS, read
from benchmarks.run import PARTS, ROOT, main, smallest
from mmpose_amfac.errors import AMFACError


@pytest.fixture
def listed(capsys):
    """Part -> its command line, or why it is left out."""
    def ask(*argv):
        assert main([*argv, '--list']) == 0
        found = {}
        for line in capsys.readouterr().out.splitlines():
            if line.startswith('python -m '):
                command = shlex.split(line)
                found[command[2].removeprefix('benchmarks.') + '-detector' * ('x.onnx' in command)] = command[3:]
            else:
                part, _, reason = line.partition(': ')
                found[part] = reason
        return found
    return ask


def test_quick_takes_the_smallest_of_each_family(listed):
    counted = {row['name']: row['macs'] for row in read(RESULTS / 'complexity.json', 'complexity')}
    commands = listed('--quick')
    names = commands['complexity'][:-2]
    families = {}
    for system in zoo.systems().values():
        if system.source and system.dataset.startswith('COCO'):
            families.setdefault(kin(system.system), []).append(system.name)
    assert len(names) == len(families) >= 18
    for name in names:
        assert counted[name] == min(counted[other] for other in families[kin(zoo.find(name).system)])
    timed = [name for name in commands['speed'] if name in counted]
    only_counted = {kin(zoo.find(name).system) for name in names} - {kin(zoo.find(name).system) for name in timed}
    assert only_counted == {'DEKR', 'ED'}
    assert {zoo.find(name).paradigm for name in commands['scaling'][:2]} == {'td-simcc', 'one-stage'}


def test_smallest_follows_the_counts():
    lines = [Line('a', 'HRNet-W32', dataset='COCO val2017', gmacs=2.0),
             Line('b', 'HRNet-W48', dataset='COCO val2017', gmacs=1.0),
             Line('c', 'HRNet-W18', dataset='COCO val2017'),
             Line('d', 'HRNet-W18', dataset='CrowdPose test', gmacs=0.1),
             Line('e', 'RTMO-s', dataset='COCO val2017', gmacs=0.5)]
    assert {family: line.name for family, line in smallest(lines).items()} == {'RTMO': 'e', 'HRNet': 'b'}


@pytest.mark.parametrize('profile', ['--quick', '--full'])
def test_what_needs_pictures_is_left_out_with_a_reason(listed, profile):
    found = listed(profile)
    assert list(found) == list(PARTS)
    assert {part for part, rest in found.items() if rest == 'left out: give --ann and --images'} == {
        'accuracy', 'accuracy-detector', 'compare', 'occlusion', 'calibration'}


def test_pictures_and_models_reach_the_parts(listed):
    vitpose = 'td-hm_ViTPose-small_8xb64-210e_coco-256x192'
    given = ['--ann', 'a b.json', '--images', 'd', '--models', 'm.onnx', vitpose]
    found = listed('--full', *given, '--det', 'x.onnx', '--out', 'here')
    assert found['accuracy'] == ['m.onnx', vitpose, *given[:4], '--boxes', 'gt', '--out', 'here/accuracy.json']
    assert found['accuracy-detector'][:-2] == ['m.onnx', vitpose, *given[:4], '--boxes', 'x.onnx']
    assert found['compare'][:2] == ['m.onnx', vitpose]
    # only model files give scores of joints
    assert found['occlusion'] == ['m.onnx', *given[:4], '--out', 'here/occlusion.json']
    assert 'two --models' in listed('--full', *given[:6])['compare']


def test_only_some_parts(listed):
    assert list(listed('--quick', '--only', 'figures', 'complexity')) == ['complexity', 'figures']


@pytest.mark.parametrize('argv', [['--quick', '--ann', 'a.json'], ['--quick', '--images', 'd']])
def test_pictures_without_annotations(argv):
    with pytest.raises(AMFACError, match='--ann and --images'):
        main(argv)


@pytest.mark.slow
def test_a_failed_part_stops_no_other(tmp_path, capfd, monkeypatch):
    from benchmarks import run
    plan = {'complexity': ['no-such-model'], 'compare': 'left out: because', 'figures': ['--help']}
    monkeypatch.setattr(run, 'plan', lambda args: plan)
    monkeypatch.chdir(tmp_path)
    assert main(['--quick', '--out', str(tmp_path)]) == 1
    rows = {row['part']: row for row in read(tmp_path / 'run.json', 'run')}
    assert {part: row.get('exit_code') for part, row in rows.items()} == dict(complexity=2, compare=None, figures=0)
    assert rows['compare']['reason'] == 'left out: because' and rows['figures']['command'] == ['figures', '--help']
    out, err = capfd.readouterr()
    assert 'failed: complexity (exit code 2)' in err and "'no-such-model' is not known" in err
    assert '[2/3' in out
    # mended, the same command goes on and its row is replaced
    plan['complexity'] = ['--help']
    assert main(['--quick', '--out', str(tmp_path)]) == 0
    assert read(tmp_path / 'run.json', 'run')[0]['exit_code'] == 0


def test_commands_of_the_contract_are_there():
    """Every module and file that the README of the folder names."""
    folder = ROOT / 'benchmarks'
    text = (folder / 'README.md').read_text(encoding='utf-8')
    for name in set(re.findall(r'benchmarks\.(\w+)', text)):
        assert (folder / f'{name}.py').is_file(), name
    for name in set(re.findall(r'`((?:facts/)?\w+\.(?:csv|py))`', text)):
        assert (folder / name).is_file(), name
    assert all(f'benchmarks.{part}' in text for part in PARTS if '-' not in part)


@pytest.mark.slow
def test_smoke(tmp_path):
    """Real parts, from the counts to the page."""
    assert main(['--smoke', '--out', str(tmp_path)]) == 0
    rows = {row['part']: row for row in read(tmp_path / 'run.json', 'run')}
    assert [part for part, row in rows.items() if 'exit_code' in row] == ['complexity', 'speed', 'figures', 'report']
    times = read(tmp_path / 'speed.json', 'speed')
    assert len(times) == 2 and all('ms' in row for row in times)
    assert len(read(tmp_path / 'complexity.json', 'complexity')) == 3
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert all(zoo.find(row['name']).system in page for row in times)

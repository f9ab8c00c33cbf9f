"""The run of all parts: what it takes, what it tells, and that a failure stops nothing."""

import re
import shlex
import subprocess
import sys

import pytest

from benchmarks import zoo
from benchmarks.joined import family_of
from benchmarks.results import RESULTS, read
from benchmarks.run import PARTS, ROOT, main
from mmpose_amfac.errors import AMFACError


@pytest.fixture
def listed(capsys):
    """Part -> its first command line, or why it is left out; ``commands`` of the function has all of them."""
    def ask(*argv):
        assert main([*argv, '--list']) == 0
        found, commands = {}, {}
        for line in capsys.readouterr().out.splitlines():
            if line.startswith('python -m '):
                command = shlex.split(line)
                name = command[2].removeprefix('benchmarks.')
                name += '-detector' * ('x.onnx' in command) + '-torch' * ('torch' in command)
                found.setdefault(name, command[3:])
                commands.setdefault(name, []).append(command[3:])
            else:
                part, _, reason = line.partition(': ')
                found[part] = reason
        ask.commands = commands
        return found
    return ask


def test_quick_takes_the_smallest_of_each_family(listed):
    counted = {row['name']: row['macs'] for row in read(RESULTS / 'complexity.json', 'complexity') if 'macs' in row}
    commands = listed('--quick')
    names = commands['complexity'][:-2]
    families = {}
    for system in zoo.systems().values():
        if system.source and system.dataset.startswith('COCO'):
            families.setdefault(family_of(system.system), []).append(system.name)
    assert len(names) == len(families) >= 18
    for name in names:
        assert counted[name] == min(counted[other] for other in families[family_of(zoo.find(name).system)])
    timed = [name for name in commands['speed'] if name in counted]
    only_counted = {family_of(zoo.find(name).system) for name in names} - {
        family_of(zoo.find(name).system) for name in timed}
    assert only_counted == {'DEKR', 'ED-Pose'}
    assert {'SimpleBaseline Swin', 'SimpleBaseline ResNeXt', 'SimpleBaseline MobileNetV2'} <= set(families)
    # without eager there is nothing that a back end could be faster than
    at = commands['speed'].index('--backends')
    assert commands['speed'][at + 1:at + 3] == ['eager', 'onnxruntime']
    assert {zoo.find(name).paradigm for name in commands['scaling'][:3]} == {'td-simcc', 'one-stage'}


def test_full_takes_what_is_there(listed, monkeypatch):
    from benchmarks import run
    speed = listed('--full')['speed']
    assert speed[speed.index('--device') + 1] == 'cpu' and {'compile', 'openvino', '--written', '8', '32'} <= set(speed)
    assert 'amfacpose_r34_1xb32-140e_coco-384x288' in speed[speed.index('--int8'):]
    monkeypatch.setattr(run, 'find_spec', lambda name: None if name == 'tensorrt' else name)
    assert 'tensorrt' not in listed('--full')['speed']
    monkeypatch.setattr(run, 'find_spec', lambda name: name)
    found = listed('--full', '--device', 'cuda:1')
    assert 'tensorrt' in found['speed'] and found['speed'][found['speed'].index('--device') + 1] == 'cuda:1'
    torch = listed('--full', '--out', 'here')['scaling']
    assert torch[-2:] == ['--out', 'here/scaling.json']


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
    # every two of several models
    listed('--full', *given[:6], 'n.onnx', 'o.onnx')
    assert [command[:2] for command in listed.commands['compare']] == [
        ['m.onnx', 'n.onnx'], ['m.onnx', 'o.onnx'], ['n.onnx', 'o.onnx']]
    listed('--full', *given[:6], 'n.onnx', 'o.onnx', '--only', 'compare')
    assert list(listed.commands) == ['compare'] and len(listed.commands['compare']) == 3
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
    first = read(tmp_path / 'run.json', 'run')
    assert first[0]['exit_code'] == 0 and [row.get('runs') for row in first] == [1, None, 2]
    assert main(['--quick', '--out', str(tmp_path)]) == 0
    again = read(tmp_path / 'run.json', 'run')
    assert [row.get('runs') for row in again] == [2, None, 3] and again[0]['seconds'] > first[0]['seconds']


PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'benchmarks/README.md', *ROOT.glob('docs/*.md')]
NAMED = sorted({name for page in PAGES for name in re.findall(
    r'python -m benchmarks\.(\w+)', page.read_text(encoding='utf-8'))})


def test_commands_of_the_contract_are_there():
    """Every module and file that the pages name."""
    folder = ROOT / 'benchmarks'
    text = (folder / 'README.md').read_text(encoding='utf-8')
    for name in {*NAMED, *re.findall(r'benchmarks\.(\w+)', text)}:
        assert (folder / f'{name}.py').is_file(), name
    for name in set(re.findall(r'`((?:facts/|choosing/)?\w+\.(?:csv|py))`', text)):
        assert (folder / name).is_file(), name
    assert all(f'benchmarks.{part}' in text for part in PARTS if '-' not in part)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMED)
def test_help_of_the_commands(name):
    done = subprocess.run([sys.executable, '-m', f'benchmarks.{name}', '--help'], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0 and 'usage:' in done.stdout, done.stderr


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

"""doctor: every check on made-up installations, the report, and --fix without touching this one."""

import subprocess
import sys

import pytest

from mmpose_amfac import doctor
from mmpose_amfac.cli.main import main

GOOD = dict(torch='2.13.0+cpu', torchvision='0.28.0', mmengine='0.10.7', mmdet='3.3.0', mmpose='1.3.2', numpy='2.3.5',
            setuptools='80.10.2', onnxruntime='1.31.1') | {'mmcv-lite': '2.1.0', 'opencv-python-headless': '5.0.0.93'}


class Fake:
    """An installation as a test wants it; ``None`` takes a package away."""

    def __init__(self, python=(3, 11), modules=('pkg_resources', ), **packages):
        self.python = python
        self.modules = modules
        self.packages = GOOD | {name.replace('_', '-'): version for name, version in packages.items()}

    def version(self, package):
        return self.packages.get(package)

    def importable(self, module):
        return module in self.modules


@pytest.mark.parametrize('env', [
    Fake(),
    Fake(setuptools='82.0.0'),  # somebody else provides pkg_resources
    Fake(setuptools='81.0.0', modules=()),
    Fake(numpy='2.4.1', mmpose=None),
    Fake(mmcv='2.2.0', mmcv_lite=None, mmdet=None),
    Fake(mmcv='2.1.0', mmcv_lite=None),
    Fake(torch='2.14.0', torchvision='0.29.1'),
    Fake(torch='2.0.1', torchvision='0.15.2+cu118'),
    Fake(torch=None),
    Fake(torchvision=None),
    Fake(albumentations='1.4.24'),
    Fake(onnxruntime=None, onnxruntime_gpu='1.31.1'),
    Fake(python=(3, 13)),
])
def test_nothing_to_complain_about(env):
    assert doctor.problems(env) == []


@pytest.mark.parametrize('env, text, commands', [
    (Fake(setuptools='82.0.0', modules=()), 'setuptools 82.0.0', [['install', 'setuptools<82']]),
    (Fake(numpy='2.4.0'), 'numpy 2.4.0', [['install', 'numpy<2.4']]),
    (Fake(mmcv='2.2.0', mmcv_lite=None), 'mmcv 2.2.0', [['install', '--no-deps', 'mmcv==2.1.0']]),
    (Fake(mmcv_lite='2.2.0'), 'mmcv-lite 2.2.0', [['install', '--no-deps', 'mmcv-lite==2.1.0']]),
    (Fake(mmcv='2.1.0'), 'both installed', [['uninstall', '-y', 'mmcv', 'mmcv-lite'],
                                            ['install', '--no-deps', 'mmcv-lite==2.1.0']]),
    (Fake(torchvision='0.27.1'), '0.28 does', [['install', '--no-deps', 'torchvision==0.28.*']]),
    (Fake(albumentations='2.0.8'), 'albumentations 2.0.8', [['install', 'albumentations<2']]),
    (Fake(onnxruntime_gpu='1.31.1'), 'both installed', [['uninstall', '-y', 'onnxruntime', 'onnxruntime-gpu'],
                                                        ['install', 'onnxruntime-gpu']]),
    (Fake(opencv_python='5.0.0'), 'opencv-python and opencv-python-headless',
     [['uninstall', '-y', 'opencv-python', 'opencv-python-headless'], ['install', 'opencv-python-headless']]),
])
def test_each_incompatibility_is_found_with_its_command(env, text, commands):
    (problem, ) = doctor.problems(env)
    assert text in problem.text and '\n' not in problem.text and problem.automatic
    assert [list(command) for command in problem.commands] == [[sys.executable, '-m', 'pip', *c] for c in commands]


def test_python_is_left_to_the_user():
    (problem, ) = doctor.problems(Fake(python=(3, 14)))
    assert 'Python 3.14' in problem.text and not problem.automatic and problem.commands


@pytest.mark.parametrize('text, numbers', [('2.13.0+cpu', (2, 13, 0)), ('0.28.0a0+git', (0, 28, 0)), ('82', (82, )),
                                           ('2.14.0rc1', (2, 14, 0)), (None, ()), ('', ())])
def test_release(text, numbers):
    assert doctor.release(text) == numbers


def test_versions_say_which_kind():
    rows = doctor.versions(Fake())
    assert 'light' in rows['mmcv-lite'] and rows['mmdeploy'] == 'not installed' and 'stand-in' in rows['xtcocotools']
    rows = doctor.versions(Fake(mmcv='2.1.0', mmcv_lite=None, xtcocotools='1.14.3'))
    assert 'full' in rows['mmcv'] and rows['xtcocotools'] == '1.14.3'


@pytest.fixture
def fake_doctor(monkeypatch):
    """The command with a made-up installation; returns the commands that would have been run."""
    ran = []

    def install(env, repaired=None, code=0):
        state = dict(env=env)
        original = doctor.problems
        monkeypatch.setattr(doctor, 'problems', lambda: original(state['env']))
        monkeypatch.setattr(doctor, 'devices', dict)

        def run(command, **_):
            ran.append(list(command)[3:])
            state['env'] = repaired or env
            return subprocess.CompletedProcess(command, code)

        monkeypatch.setattr(subprocess, 'run', run)
        return ran

    return install


def test_report_without_problems(capsys, fake_doctor):
    assert fake_doctor(Fake()) == [] and main(['doctor']) == 0
    out = capsys.readouterr().out
    assert 'no known incompatibility' in out and 'torchvision' in out


def test_report_prints_the_command_and_runs_nothing(capsys, fake_doctor):
    ran = fake_doctor(Fake(numpy='2.4.0'))
    assert main(['doctor']) == 1
    assert f"{sys.executable} -m pip install 'numpy<2.4'" in capsys.readouterr().out
    assert ran == []


def test_fix_runs_the_commands_and_checks_again(capsys, fake_doctor):
    ran = fake_doctor(Fake(mmcv='2.1.0'), repaired=Fake())
    assert main(['doctor', '--fix']) == 0
    assert ran == [['uninstall', '-y', 'mmcv', 'mmcv-lite'], ['install', '--no-deps', 'mmcv-lite==2.1.0']]
    out = capsys.readouterr().out
    assert out.index('running:') > out.index('problem:') and '0 of 1 problems left' in out


def test_failed_fix_stops_and_exits_1(capsys, fake_doctor):
    ran = fake_doctor(Fake(mmcv='2.1.0'), code=1)
    assert main(['doctor', '--fix']) == 1
    assert ran == [['uninstall', '-y', 'mmcv', 'mmcv-lite']]
    assert 'it failed' in capsys.readouterr().out


def test_fix_leaves_python_alone(capsys, fake_doctor):
    ran = fake_doctor(Fake(python=(3, 14)))
    assert main(['doctor', '--fix']) == 1
    assert ran == [] and 'left to you' in capsys.readouterr().out


def test_real_report(command):
    """This installation, in a new process: every package has a row, and code and text agree."""
    done = command('doctor')
    assert all(f'\n{package}' in done.stdout for package in doctor.PACKAGES), done.stderr
    assert 'import mmpose_amfac' in done.stdout and 'onnxruntime providers' in done.stdout
    assert done.returncode == (1 if 'problem:' in done.stdout else 0)

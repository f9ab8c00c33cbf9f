"""doctor: every check on made-up installations, the report, and --fix without touching this one."""

import subprocess
import sys

import pytest

from mmpose_amfac import doctor
from mmpose_amfac.cli.main import main

GOOD = dict(torch='2.13.0+cpu', torchvision='0.28.0', mmengine='0.10.7', mmdet='3.3.0', mmpose='1.3.2', numpy='2.3.5',
            setuptools='80.10.2', onnxruntime='1.31.1', pycocotools='2.0.11')
GOOD |= {'mmcv-lite': '2.1.0', 'opencv-python-headless': '5.0.0.93'}


class Fake:
    """An installation as a test wants it; ``None`` takes a package away.

    ``broken`` maps modules to the last line of their traceback; ``compiled``: mmcv's folder has operators;
    ``cuda``: of torch.
    """

    def __init__(self, python=(3, 11), modules=('pkg_resources', ), broken=(), compiled=False, cuda='13.0', **packages):
        self.python = python
        self.modules = (*modules, *broken)
        self.broken = dict(broken)
        self.compiled = compiled
        self.cuda = cuda
        self.packages = GOOD | {name.replace('_', '-'): version for name, version in packages.items()}

    def version(self, package):
        return self.packages.get(package)

    def importable(self, module):
        return module in self.modules

    def start(self, code):
        if 'torch.version.cuda' in code:
            return True, self.cuda
        module = code.split()[1].rstrip(';')
        return module not in self.broken, self.broken.get(module, '0.1')

    def compiled_mmcv(self):
        return self.compiled


@pytest.mark.parametrize('env', [
    Fake(),
    Fake(setuptools='82.0.0'),  # somebody else provides pkg_resources
    Fake(setuptools='81.0.0', modules=()),
    Fake(numpy='2.4.1'),  # mended by compat/drawing
    Fake(mmpose=None, pycocotools=None),
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
    (Fake(pycocotools=None), 'without pycocotools', [['install', 'pycocotools']]),
    (Fake(mmcv='2.2.0', mmcv_lite=None), 'mmcv 2.2.0', [['install', '--no-deps', 'mmcv==2.1.0']]),
    (Fake(mmcv_lite='2.2.0'), 'mmcv-lite 2.2.0', [['install', '--no-deps', 'mmcv-lite==2.1.0']]),
    (Fake(mmcv='2.1.0'), 'both installed', [['uninstall', '-y', 'mmcv', 'mmcv-lite'],
                                            ['install', '--no-deps', 'mmcv-lite==2.1.0']]),
    (Fake(mmcv='2.1.0', compiled=True), 'with compiled operators', [
        ['uninstall', '-y', 'mmcv-lite'],
        ['install', '--force-reinstall', '--no-deps', '--no-build-isolation', 'mmcv==2.1.0']]),
    (Fake(torchvision='0.27.1'), '0.28 does, from https://download.pytorch.org/whl/cpu', [
        ['install', '--no-deps', '--index-url', 'https://download.pytorch.org/whl/cpu', 'torchvision==0.28.*']]),
    (Fake(torch='2.13.0', torchvision='0.27.1', cuda='None'), 'whl/cpu', [
        ['install', '--no-deps', '--index-url', 'https://download.pytorch.org/whl/cpu', 'torchvision==0.28.*']]),
    (Fake(torch='2.13.0+cu130', torchvision='0.27.1+cu130'), 'whl/cu130', [
        ['install', '--no-deps', '--index-url', 'https://download.pytorch.org/whl/cu130', 'torchvision==0.28.*']]),
    (Fake(torch='2.13.0a0+git12ab', torchvision='0.27.1'), 'the index that torch came from', [
        ['install', '--no-deps', 'torchvision==0.28.*']]),
    (Fake(torch='2.13.0', torchvision='0.27.1'), 'the index that torch came from', [
        ['install', '--no-deps', 'torchvision==0.28.*']]),
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


@pytest.mark.parametrize('env, text, command', [
    (Fake(broken=dict(torch='OSError: libtorch_cpu.so: no such file')), 'torch is installed but cannot be imported: OS',
     ['install', '--force-reinstall', '--no-deps', '--index-url', 'https://download.pytorch.org/whl/cpu',
      'torch==2.13.0']),
    (Fake(broken=dict(onnxruntime='ImportError: DLL load failed')), 'onnxruntime is installed but cannot be imported',
     ['install', '--force-reinstall', '--no-deps', 'onnxruntime==1.31.1']),
    (Fake(broken=dict(cv2='ImportError: libGL.so.1: cannot open')), 'libGL.so.1',
     ['install', '--force-reinstall', '--no-deps', 'opencv-python-headless==5.0.0.93']),
    (Fake(broken=dict(numpy='exit code -11'), numpy=None), 'exit code -11',
     ['install', '--force-reinstall', '--no-deps', 'numpy']),
])
def test_modules_that_do_not_start_are_left_to_the_user(env, text, command):
    (problem, ) = doctor.problems(env)
    assert text in problem.text and '\n' not in problem.text and not problem.automatic
    assert [list(c)[3:] for c in problem.commands] == [command]


def test_devices_of_what_does_not_start():
    rows = doctor.devices(Fake(broken=dict(torch='OSError: x'), modules=('onnxruntime', )))
    assert rows['torch devices'] == 'torch does not start' and rows['onnxruntime providers'] == '0.1'


def test_a_module_is_really_started(tmp_path, monkeypatch):
    """Errors, and ends of the process, come back as one line."""
    (tmp_path / 'onnxruntime').mkdir()
    (tmp_path / 'onnxruntime' / '__init__.py').write_text('raise OSError("lib.so: cannot open\\n")')
    (tmp_path / 'cv2.py').write_text('import os; os._exit(7)')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    doctor.look_again()
    try:
        assert doctor.Installation().start('import onnxruntime') == (False, 'OSError: lib.so: cannot open')
        assert doctor.Installation().start('import cv2') == (False, 'exit code 7')
        assert doctor.Installation().start('print(1); print(2)') == (True, '2')
    finally:
        doctor.look_again()


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
            if isinstance(code, OSError):
                raise code
            return subprocess.CompletedProcess(command, code)

        monkeypatch.setattr(subprocess, 'run', run)
        return ran

    return install


def test_report_without_problems(capsys, fake_doctor):
    assert fake_doctor(Fake()) == [] and main(['doctor']) == 0
    out = capsys.readouterr().out
    assert 'no known incompatibility' in out and 'torchvision' in out


def test_report_prints_the_command_and_runs_nothing(capsys, fake_doctor):
    ran = fake_doctor(Fake(albumentations='2.0.8'))
    assert main(['doctor']) == 1
    assert f"{sys.executable} -m pip install 'albumentations<2'" in capsys.readouterr().out
    assert ran == []


def test_fix_runs_the_commands_and_checks_again(capsys, fake_doctor):
    ran = fake_doctor(Fake(mmcv='2.1.0'), repaired=Fake())
    assert main(['doctor', '--fix']) == 0
    assert ran == [['uninstall', '-y', 'mmcv', 'mmcv-lite'], ['install', '--no-deps', 'mmcv-lite==2.1.0']]
    out = capsys.readouterr().out
    assert out.index('running:') > out.index('problem:') and '0 of 1 problems left' in out


@pytest.mark.parametrize('code', [1, FileNotFoundError(2, 'No such file', 'python')])
@pytest.mark.parametrize('repaired', [None, Fake()])
def test_failed_fix_stops_its_problem_and_exits_1(capsys, fake_doctor, code, repaired):
    """The next problem is still mended; a failure counts even if nothing is found any more."""
    ran = fake_doctor(Fake(mmcv='2.1.0', albumentations='2.0.8'), code=code, repaired=repaired)
    assert main(['doctor', '--fix']) == 1
    assert ran == [['uninstall', '-y', 'mmcv', 'mmcv-lite'], ['install', 'albumentations<2']]
    assert capsys.readouterr().out.count('it failed') == 2


def test_versions_come_before_what_may_fail(capsys, fake_doctor, monkeypatch):
    fake_doctor(Fake())
    seen = []
    monkeypatch.setattr(doctor, 'devices', lambda: seen.append(capsys.readouterr().out) or {})
    assert main(['doctor']) == 0
    assert 'torchvision' in seen[0]


def test_broken_torch_is_reported_with_exit_1(command, tmp_path):
    """From end to end: a torch that fails to load does not take the report along."""
    (tmp_path / 'torch.py').write_text("raise OSError('libtorch.so: cannot open shared object file')\n")
    done = command('doctor')
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'problem: torch is installed but cannot be imported: OSError: libtorch.so' in done.stdout
    assert done.stdout.index('setuptools') < done.stdout.index('torch does not start')


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

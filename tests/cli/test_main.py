"""The command's frame: help without heavy imports, one-line errors, exit codes."""

import subprocess
import sys

import pytest

from mmpose_amfac import __version__
from mmpose_amfac.cli import main as module
from mmpose_amfac.cli.main import VERBS, main
from mmpose_amfac.errors import AMFACError


@pytest.mark.parametrize('args', [['--help'], ['predict', '--help'], ['demo', '-h'], ['doctor', '-h']])
def test_help(capsys, args):
    with pytest.raises(SystemExit) as leaving:
        main(args)
    assert leaving.value.code == 0
    assert 'usage: amfacpose' in capsys.readouterr().out


def test_help_lists_every_verb_and_imports_nothing_heavy():
    code = ("import sys\nfrom mmpose_amfac.cli.main import build_parser\nprint(build_parser().format_help())\n"
            "bad = {'torch', 'numpy', 'cv2', 'mmengine', 'mmpose', 'tqdm'} & set(sys.modules)\nassert not bad, bad")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in VERBS)


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out == f'amfacpose {__version__}\n'


@pytest.mark.parametrize('args, message', [
    ([], 'VERB'),
    (['predct', 'x.jpg'], "invalid choice: 'predct'"),
    (['predict'], 'SOURCE'),
    (['predict', 'x.jpg', '--scor-thr', '0.5'], 'unknown option --scor-thr; nearest: --score-thr'),
    (['predict', 'x.jpg', '--weight=w.pth'], 'unknown option --weight=w.pth; nearest: --weights'),
    (['predict', 'x.jpg', '--zzz'], '--no-draw'),  # nothing is near: all are listed
    (['predict', 'x.jpg', 'y.jpg'], "unexpected argument 'y.jpg'"),
    (['predict', 'x.jpg', '--score-thr', '7'], 'must be a number in [0, 1]'),
    (['predict', 'x.jpg', '--batch-size', '0'], 'at least 1'),
    (['predict', 'x.jpg', '--batch-size', 'many'], "--batch-size: 'many' must be a whole number, at least 1"),
    (['predict', 'x.jpg', '--score-thr', 'x'], "--score-thr: 'x' must be a number in [0, 1]"),
    (['demo', '--kpt-thr', 'nan'], "--kpt-thr: 'nan' must be a number"),
])
def test_wrong_calls_are_one_line_and_exit_2(capsys, args, message):
    with pytest.raises(SystemExit) as leaving:
        main(args)
    error = capsys.readouterr().err
    assert leaving.value.code == 2
    assert error.startswith('amfacpose: error: ') and message in error and error.count('\n') == 1


@pytest.mark.parametrize('raised, code, message', [
    (AMFACError('a mistake'), 2, 'amfacpose: error: a mistake\n'),
    (PermissionError(13, 'Permission denied', '/out'), 2, 'amfacpose: error: /out: Permission denied\n'),
    (OSError('odd'), 2, 'amfacpose: error: odd\n'),
    (ModuleNotFoundError('', name='tqdm.auto'), 2, 'amfacpose: error: doctor needs tqdm.auto, which is not installed: '
     "python -m pip install 'mmpose_amfac[runtime]'\n"),
    (ModuleNotFoundError('', name='yaml'), 2, 'amfacpose: error: doctor needs yaml, which is not installed: '
     'python -m pip install pyyaml\n'),
    (ModuleNotFoundError('', name='einops'), 2, 'amfacpose: error: doctor needs einops, which is not installed: '
     'python -m pip install einops\n'),
    (KeyboardInterrupt(), 130, 'amfacpose: stopped\n'),
])
def test_exceptions_become_exit_codes(capsys, monkeypatch, raised, code, message):
    def fail(args):
        raise raised

    monkeypatch.setattr('mmpose_amfac.cli.doctor.run', fail)
    assert module.main(['doctor']) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize('bug', [TypeError('a bug'), ModuleNotFoundError('a bug', name='mmpose_amfac.none'),
                                 ModuleNotFoundError('a bug')])
def test_errors_of_our_own_code_are_not_hidden(monkeypatch, bug):
    def fail(args):
        raise bug

    monkeypatch.setattr('mmpose_amfac.cli.doctor.run', fail)
    with pytest.raises(type(bug), match='a bug'):
        module.main(['doctor'])


@pytest.mark.parametrize('missing, command', [
    ('numpy', "'mmpose_amfac[runtime]'"), ('cv2', "'mmpose_amfac[runtime]'"), ('yaml', 'pyyaml')])
def test_missing_packages_are_one_line(tmp_path, missing, command):
    code = (f'import sys; sys.modules[{missing!r}] = None\nfrom mmpose_amfac.cli.main import main\n'
            "sys.exit(main(['predict', 'x.png']))")
    (tmp_path / 'x.png').write_bytes(b'')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    (line, ) = done.stderr.splitlines()
    assert line.startswith('amfacpose: error: ') and line.endswith(f'python -m pip install {command}')


def test_the_extra_holds_what_it_is_recommended_for(root):
    from mmpose_amfac.packages import _RUNTIME
    packages = (root / 'requirements' / 'runtime.txt').read_text().split()
    assert set(_RUNTIME) <= {name.replace('opencv-python-headless', 'cv2') for name in packages}


def test_a_reader_that_goes_away_is_no_error():
    import subprocess
    import sys
    code = ('from mmpose_amfac.cli import main; import sys; '
            'talk = lambda args: [print("x" * 100) for _ in range(20000)] and 0; '
            'main.build_parser = lambda: type("P", (), {"parse_known_args": lambda s, a: '
            '(type("A", (), {"func": staticmethod(talk), "verb": "doctor"})(), [])})(); sys.exit(main.main([]))')
    done = subprocess.run(f'"{sys.executable}" -c \'{code}\' | head -1', shell=True, capture_output=True, text=True)
    assert done.stdout == 'x' * 100 + '\n' and done.stderr == ''

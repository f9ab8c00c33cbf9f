import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpose_amfac import autoload
from mmpose_amfac.cli import autoload as verb
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.paths import PACKAGE


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    verb.add_parser(parser.add_subparsers())
    args = parser.parse_args(['autoload', *words])
    return args.func(args)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(autoload, 'site_packages', lambda: tmp_path)
    return tmp_path


def test_install_and_remove(folder, capsys):
    assert command('install') == command('install') == 0
    assert [file.name for file in folder.iterdir()] == ['mmpose_amfac_autoload.pth']
    assert command('remove') == 0
    assert list(folder.iterdir()) == []
    assert command('remove') == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f'removed {folder / autoload.NAME}',
        f'autoload is not installed in {folder}',
    ]


def modules_at_start(folder: Path) -> str:
    """Which of two modules a fresh Python has loaded once it has read the .pth files of ``folder``."""
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    code = 'import site, sys; site.addsitedir(sys.argv[1]); print([m for m in sys.argv[2:] if m in sys.modules])'
    result = subprocess.run(
        [sys.executable, '-c', code, str(folder), 'mmpose_amfac', 'torch'],
        capture_output=True, text=True, cwd=folder, env=environment,
    )
    return result.stdout + result.stderr


def test_python_loads_the_plugin_at_its_start(folder):
    assert modules_at_start(folder) == '[]\n'
    autoload.install()
    assert modules_at_start(folder) == "['mmpose_amfac']\n"


def test_nothing_but_the_package_is_exposed(folder):
    """Of a checkout neither `tests` nor `tools` become importable: the search path is as it was."""
    file = autoload.install()
    assert str(PACKAGE.parent) in file.read_text() and file.read_text().startswith('import ')
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    code = ('import site, sys; before = list(sys.path); site.addsitedir(sys.argv[1]); '
            "import mmpose_amfac.errors; print(sys.path == [*before, sys.argv[1]])")
    result = subprocess.run([sys.executable, '-c', code, str(folder)], capture_output=True, text=True, cwd=folder,
                            env=environment)
    assert result.stdout == 'True\n', result.stderr


def test_a_file_that_outlives_the_package_is_silent(folder):
    file = autoload.install()
    file.write_text(file.read_text().replace(str(PACKAGE.parent), str(folder)))
    assert modules_at_start(folder) in ('[]\n', "['mmpose_amfac']\n")  # the latter where it is installed as well


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(AMFACError, match=f'{autoload.NAME}: cannot be written'):
        autoload.install(tmp_path / 'absent')

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import mmpose_amfac  # noqa: F401  (before the tests import MMPose, which its mends make importable)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def python(tmp_path):
    """Run a piece of code in a fresh Python in which nothing of ours is imported."""

    def run(code: str, *arguments: str, **environment) -> subprocess.CompletedProcess:
        script = tmp_path / 'script.py'
        script.write_text(dedent(code))
        command = [sys.executable, '-W', 'ignore', *arguments, str(script)]
        environment = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1') | environment
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=600)

    return run


@pytest.fixture(scope='session')
def shared_data() -> Path:
    data = ROOT.parent / 'shared' / 'data'
    if not data.is_dir():
        pytest.skip(f'needs the real annotations in {data}')
    return data

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import mmpose_amfac


@pytest.fixture
def python(tmp_path):
    """Run a piece of code in a fresh Python in which nothing of ours is imported."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
        script = tmp_path / 'script.py'
        script.write_text(dedent(code))
        command = [sys.executable, '-W', 'ignore', *arguments, str(script)]
        environment = dict(os.environ, PYTHONPATH=str(Path(mmpose_amfac.__file__).parents[1]), OMP_NUM_THREADS='1')
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=600)

    return run

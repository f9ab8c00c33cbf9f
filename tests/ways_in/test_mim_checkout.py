"""mim from a source checkout, as README tells."""

import os
import shutil
import site
import subprocess
import sys
import sysconfig

import pytest

pytestmark = pytest.mark.slow


def test_editable_install_and_pythonpath(root, tmp_path, workspace):
    copy = tmp_path / 'checkout'
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns('.git', '.venv*', 'data', 'work_dirs', '.mim', 'build',
                                                              '*.egg-info', 'tests'))
    # an environment of its own that sees the packages of this one
    subprocess.run([sys.executable, '-m', 'venv', tmp_path / 'venv', '--without-pip'], check=True)
    python = tmp_path / 'venv/bin/python'
    purelib = subprocess.run([python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], check=True,
                             capture_output=True, text=True).stdout.strip()
    with open(os.path.join(purelib, 'around.pth'), 'w') as file:
        file.write('\n'.join([sysconfig.get_path('purelib'), *site.getsitepackages()]) + '\n')
    install = [python, '-m', 'pip', 'install', '-q', '--no-deps', '--no-build-isolation', '--ignore-installed']
    subprocess.run([*install, '-e', copy], check=True, capture_output=True)
    subprocess.run([python, 'setup.py', '-q', 'egg_info'], cwd=copy, check=True, capture_output=True)
    assert (copy / 'mmpose_amfac/.mim/configs').is_symlink()
    done = subprocess.run(
        [python, '-m', 'mim', 'train', 'mmpose_amfac', 'amfacpose_r18_1xb64-8e_real-64x48.py', '--gpus', '0',
         '--work-dir', tmp_path / 'work', '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1',
         'train_dataloader.batch_size=4', 'optim_wrapper.type=OptimWrapper'],
        cwd=workspace, env={**os.environ, 'PYTHONPATH': str(copy)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / 'work/epoch_1.pth').is_file()
    assert str(copy) in done.stdout + done.stderr

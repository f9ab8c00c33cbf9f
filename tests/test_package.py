"""What is installed, and what importing it costs."""

import subprocess
import sys
import zipfile

import pytest

from mmpose_amfac import __version__


def test_import_is_light(root):
    code = ('import sys, mmpose_amfac; '
            'print([m for m in ("torch", "numpy", "cv2", "mmengine", "mmcv", "mmpose") if m in sys.modules])')
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_runtime_and_its_parts_import_no_torch(root):
    code = ('import sys, mmpose_amfac.runtime.detector, mmpose_amfac.geometry, mmpose_amfac.simcc; '
            'import mmpose_amfac.poses, mmpose_amfac.draw, mmpose_amfac.skeletons; '
            'print([m for m in ("torch", "mmengine", "mmcv", "mmpose") if m in sys.modules])')
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


@pytest.mark.slow
def test_wheel_carries_configs_tools_and_weights_and_nothing_at_the_top(root, tmp_path):
    import shutil
    copy = tmp_path / 'source'
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns('.git', '.venv*', 'data', 'work_dirs', '.mim', 'build'))
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', tmp_path,
                    '.'],
                   cwd=copy, check=True, capture_output=True)
    wheel, = tmp_path.glob('*.whl')
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split('/')[0] for n in names} == {'mmpose_amfac', f'mmpose_amfac-{__version__}.dist-info'}
    for path in ('mmpose_amfac/.mim/model-index.yml', 'mmpose_amfac/.mim/tools/train.py',
                 'mmpose_amfac/.mim/configs/coco/amfacpose_r34_1xb32-140e_coco-384x288.py',
                 'mmpose_amfac/.mim/configs/_base_/amfacpose.py', 'mmpose_amfac/weights/amfacpose_r18_128x96.pth'):
        assert path in names
    assert sum(n.endswith('amfacpose_r18_1xb64-1e_real-128x96.py') for n in names) == 1


@pytest.mark.slow
def test_arrows_between_the_layers(root):
    done = subprocess.run([sys.executable, '-c', 'from importlinter.cli import lint_imports_command as c; c()'],
                          cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert '0 broken' in done.stdout

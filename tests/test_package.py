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


# what the extra `runtime` and OpenVINO install
ALLOWED = {'mmpose_amfac', 'numpy', 'cv2', 'onnxruntime', 'openvino', 'tqdm', 'wrapt'}
BLOCKED = f'''
import sys

class Block:
    allowed = {{*sys.stdlib_module_names, *{sorted(ALLOWED)}}}

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] not in self.allowed:
            raise ModuleNotFoundError(f'{{name}} is blocked', name=name)

sys.meta_path.insert(0, Block())
foreign = {{'torch', 'torchvision', 'mmcv', 'mmengine', 'mmpose', 'mmdet', 'yaml', 'scipy', 'PIL', 'onnx'}}
'''


def blocked(root, code):
    """Run code where nothing can be imported but the standard library and ``ALLOWED``."""
    done = subprocess.run([sys.executable, '-c', BLOCKED + code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runtime_and_its_parts_import_no_torch(root):
    blocked(root, '''
import mmpose_amfac.runtime, mmpose_amfac.geometry, mmpose_amfac.simcc, mmpose_amfac.heatmap, mmpose_amfac.manifest
import mmpose_amfac.poses, mmpose_amfac.draw, mmpose_amfac.skeletons
assert not foreign & set(sys.modules)
''')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_runtime_predicts_without_torch(root, shared, astronaut, tmp_path, backend):
    """A real detector and a real network, in Python and by the command."""
    pytest.importorskip(backend)
    import cv2
    picture, models = tmp_path / 'a.png', shared / 'models'
    cv2.imwrite(str(picture), astronaut)
    out = blocked(root, f'''
import cv2
from mmpose_amfac.cli.main import main
from mmpose_amfac.runtime import AMFACPose
model, detector = r'{models / 'tinypose_128x96_heatmap.onnx'}', r'{models / 'rtmdet_nano_person.onnx'}'
estimator = AMFACPose(model, detector, backend='{backend}', threads=1, flip=True)
print(len(estimator(cv2.imread(r'{picture}'))))
assert main(['predict', r'{picture}', '--model', model, '--det', detector, '--backend', '{backend}', '--threads', '1',
             '--out', r'{tmp_path / 'out'}']) == 0
assert main(['demo', '--image', r'{picture}', '--model', model, '--det', 'whole_image', '--backend', '{backend}',
             '--out', r'{tmp_path / 'out'}']) == 0
assert not foreign & set(sys.modules)
''')
    assert out.splitlines()[0] == '1' and '1 picture, 1 person, 0 skipped' in out


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
                 'mmpose_amfac/.mim/configs/_base_/amfacpose.py', 'mmpose_amfac/weights/amfacpose_r18_128x96.pth',
                 'mmpose_amfac/weights/amfacpose_r18_128x96.onnx',
                 'mmpose_amfac/weights/amfacpose_r18_128x96.onnx.json',
                 'mmpose_amfac/weights/amfacpose_r18_256x256.json',
                 'mmpose_amfac/weights/amfacpose_r18_256x256.pth',
                 'mmpose_amfac/weights/amfacpose_r18_256x256.onnx',
                 'mmpose_amfac/weights/amfacpose_r18_256x256.onnx.json',
                 'mmpose_amfac/weights/amfacpose_r34_384x288.json',
                 'mmpose_amfac/weights/amfacpose_r34_384x288.pth',
                 'mmpose_amfac/weights/amfacpose_r34_384x288.onnx',
                 'mmpose_amfac/weights/amfacpose_r34_384x288.onnx.json',
                 'mmpose_amfac/.mim/configs/deploy/pose-detection_simcc_onnxruntime_dynamic.py',
                 'mmpose_amfac/.mim/tools/deploy.py'):
        assert path in names
    assert sum(n.endswith('amfacpose_r18_1xb64-1e_real-128x96.py') for n in names) == 1


@pytest.mark.slow
def test_arrows_between_the_layers(root):
    done = subprocess.run([sys.executable, '-c', 'from importlinter.cli import lint_imports_command as c; c()'],
                          cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert '0 broken' in done.stdout

"""What the command needs: a small random model on disk, and a folder with a real picture."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmpose_amfac'], allow_failed_imports=False)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='AMFACResNet', depth=18),
    neck=dict(type='AFPN'),
    head=dict(type='AMFACHead', decoder=dict(type='AMFACSimCCLabel', input_size=(48, 64))))
"""


@pytest.fixture(scope='session')
def model_options(tmp_path_factory):
    """``--model CONFIG --weights FILE --device cpu`` of a model with random weights."""
    pytest.importorskip('mmpose')
    import torch
    from mmengine.config import Config
    from mmpose.apis import init_model
    folder = tmp_path_factory.mktemp('model')
    (folder / 'small.py').write_text(CONFIG)
    torch.manual_seed(0)
    model = init_model(Config.fromfile(folder / 'small.py'), None, 'cpu')
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'small.pth')
    return ['--model', str(folder / 'small.py'), '--weights', str(folder / 'small.pth'), '--device', 'cpu']


@pytest.fixture
def folder(tmp_path, astronaut):
    """Two astronauts, one with a Unicode name."""
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for name in ('a.jpg', 'Zoë ☃.png'):
        (pictures / name).write_bytes(cv2.imencode(name[-4:], astronaut)[1].tobytes())
    return pictures


@pytest.fixture
def command(tmp_path):
    """Run ``python -m mmpose_amfac ARGS`` as a user does."""

    def run(*args):
        environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(Path(__file__).parents[2]))
        return subprocess.run([sys.executable, '-m', 'mmpose_amfac', *map(str, args)], capture_output=True, text=True,
                              cwd=tmp_path, env=environment, timeout=300)

    return run

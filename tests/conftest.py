"""Fixtures that several tests share."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import mmpose_amfac  # noqa: F401  (mends and registers before any test module imports MMPose)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / 'shared'
# behind site-packages: `benchmarks` and `tools` come from the checkout, `mmpose_amfac` from the installed package
sys.path.append(str(ROOT))

# the same examples at every run, and no verdict from the clock
settings.register_profile('repeatable', deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('repeatable')


@pytest.fixture(scope='session', autouse=True)
def _two_threads():
    import cv2
    import torch
    torch.set_num_threads(2)
    cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _mmpose_scope():
    """MMEngine's default scope is global; a test before may have left another one."""
    from mmengine.registry import init_default_scope
    init_default_scope('mmpose')


@pytest.fixture(scope='session')
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of real pictures and models; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        message = f'the folder of real pictures and models, {SHARED}, is not here'
        (pytest.fail if os.environ.get('AMFAC_REQUIRE_SHARED') else pytest.skip)(message)
    return SHARED


@pytest.fixture(scope='session')
def real_data(shared, tmp_path_factory) -> Path:
    """coco_dev unpacked, in the layout that ``configs/real_data`` reads."""
    from tools.prepare_real_data import unpack
    out = tmp_path_factory.mktemp('real')
    assert unpack(shared / 'data', out, only=['coco_dev'])
    return out


@pytest.fixture(scope='session')
def astronaut():
    """A real photograph of a person, BGR uint8; it comes with scikit-image."""
    from skimage import data
    return data.astronaut()[..., ::-1].copy()


@pytest.fixture
def r18_config():
    """A small complete config: R18 at 128x96 (height x width)."""
    from mmengine.config import Config
    return Config.fromfile(ROOT / 'configs/real_data/amfacpose_r18_1xb64-1e_real-128x96.py')


@pytest.fixture
def r18(r18_config):
    """That config's network with random weights of a fixed seed, in evaluation mode."""
    import torch
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS
    init_default_scope('mmpose')
    torch.manual_seed(0)
    return MODELS.build(r18_config.model).eval()

"""MMPose's own inferencer and demo with our models: by import, by our tool, and by autoload."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer
from mmpose.apis.inferencers import base_mmpose_inferencer

import mmpose_amfac
from mmpose_amfac import autoload, model_index, paths
from mmpose_amfac.errors import AMFACError

pytestmark = pytest.mark.slow

DEMO = Path(base_mmpose_inferencer.__file__).parents[2] / '.mim' / 'demo'
NANO = DEMO / 'mmdetection_cfg' / 'rtmdet_nano_320-8xb32_coco-person.py'


def packaged() -> dict:
    """The tensors that the alias stands for."""
    return torch.load(paths.WEIGHTS / 'amfacpose_r18_128x96.pth', weights_only=True)['state_dict']


def same(module, tensors: dict) -> bool:
    state = module.state_dict()
    return all(torch.equal(state[name].float(), tensor.float()) for name, tensor in tensors.items())


@pytest.fixture(scope='module')
def inferencer():
    return MMPoseInferencer('amfacpose', det_model='whole_image', device='cpu')


def test_the_alias_brings_config_and_weights(inferencer):
    model = inferencer.inferencer.model
    weights = packaged()
    assert same(model, weights)
    rest = set(model.state_dict()) - set(weights)
    assert all(name.endswith('num_batches_tracked') for name in rest)
    assert type(model.head).__module__.startswith('mmpose_amfac.')


def test_a_person_is_found_and_drawn(inferencer, astronaut):
    result = next(inferencer(astronaut))
    (person,) = result['predictions'][0]
    joints = np.array(person['keypoints'])
    assert joints.shape == (17, 2)
    height, width = astronaut.shape[:2]
    # the box is widened by a quarter, an eighth on each side, and made to fit the input's shape
    assert (joints > -0.3 * max(height, width)).all() and (joints < 1.3 * max(height, width)).all()
    assert len(person['keypoint_scores']) == 17
    # no joint passes the second threshold, and boxes are not drawn by default
    drawn, empty = (
        next(inferencer(astronaut, return_vis=True, kpt_thr=threshold))['visualization'][0] for threshold in (0.0, 1e9)
    )
    assert drawn.shape == astronaut.shape
    assert (drawn != empty).any()


def test_an_unknown_alias_names_the_nearest():
    with pytest.raises(AMFACError, match="unknown model 'amfacpos'; from mmpose_amfac: amfacpose") as error:
        MMPoseInferencer('amfacpos', det_model='whole_image', device='cpu')
    assert '\n' not in str(error.value)


def test_an_alias_without_weights_takes_the_callers(tmp_path):
    unpublished = next(model for model in model_index.models() if model.weights is None)
    with pytest.raises(AMFACError, match=f"^'{unpublished.alias}' has no published weights yet; train it with"):
        MMPoseInferencer(unpublished.alias, det_model='whole_image', device='cpu')
    own = tmp_path / 'own.pth'
    torch.save(dict(state_dict={}), own)
    inferencer = MMPoseInferencer(unpublished.alias, str(own), det_model='whole_image', device='cpu')
    assert inferencer.inferencer.cfg.filename == str(unpublished.config)


def test_local_detector_weights_are_honoured(tmp_path, monkeypatch):
    from mmdet.registry import MODELS

    # the default detector's own weights would be downloaded; a smaller one with weights of ours stands for it
    body = dict(base_mmpose_inferencer.default_det_models['body'], model=str(NANO))
    monkeypatch.setitem(base_mmpose_inferencer.default_det_models, 'body', body)
    init_default_scope('mmdet')
    torch.manual_seed(1)
    detector = MODELS.build(Config.fromfile(NANO).model)
    torch.save(dict(state_dict=detector.state_dict()), tmp_path / 'detector.pth')

    inferencer = MMPoseInferencer('amfacpose', det_weights=str(tmp_path / 'detector.pth'), device='cpu')
    assert same(inferencer.inferencer.detector.model, detector.state_dict())


@pytest.fixture
def demo(tmp_path, astronaut):
    """Run a demo script on the picture in a fresh Python; gives its process and the persons it wrote."""
    cv2.imwrite(str(tmp_path / 'astronaut.png'), astronaut)

    def run(script: Path, path: Path):
        command = [sys.executable, str(script), 'astronaut.png', '--pose2d', 'amfacpose', '--device', 'cpu']
        command += ['--det-model', 'whole_image', '--pred-out-dir', 'predictions', '--vis-out-dir', 'pictures']
        environment = dict(os.environ, PYTHONPATH=str(path), OMP_NUM_THREADS='1')
        result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=600)
        written = tmp_path / 'predictions' / 'astronaut.json'
        return result, json.loads(written.read_text()) if written.is_file() else None

    return run


def test_our_demo_knows_the_alias(demo, inferencer, root, astronaut, tmp_path):
    result, persons = demo(root / 'tools' / 'inferencer_demo.py', Path(mmpose_amfac.__file__).parents[1])
    assert result.returncode == 0, result.stderr[-2000:]
    expected = next(inferencer(astronaut))['predictions'][0][0]
    np.testing.assert_allclose(persons[0]['keypoints'], expected['keypoints'], atol=1e-2)
    assert (tmp_path / 'pictures' / 'astronaut.png').is_file()


def test_the_unmodified_demo_knows_it_by_autoload(demo, inferencer, astronaut, tmp_path):
    # a folder of .pth files that only these processes read, so that the environment stays as it is
    folder = tmp_path / 'site'
    folder.mkdir()
    (folder / 'sitecustomize.py').write_text(f'import site\nsite.addsitedir({str(folder)!r})\n')
    result, persons = demo(DEMO / 'inferencer_demo.py', folder)
    assert (result.returncode, persons) == (1, None)
    autoload.install(folder)
    result, persons = demo(DEMO / 'inferencer_demo.py', folder)
    assert result.returncode == 0, result.stderr[-2000:]
    expected = next(inferencer(astronaut))['predictions'][0][0]
    np.testing.assert_allclose(persons[0]['keypoints'], expected['keypoints'], atol=1e-2)

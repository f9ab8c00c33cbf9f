"""The model file that the package carries."""

import numpy as np
import onnx
import pytest

from mmpose_amfac import paths
from mmpose_amfac.files import sha256
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime import AMFACPose

FILE = paths.WEIGHTS / 'amfacpose_r18_128x96.onnx'


@pytest.mark.parametrize('name', ['amfacpose', 'amfacpose-r18-128x96'])
def test_it_answers_to_the_aliases(name):
    assert AMFACPose(name, threads=1).weights == FILE


def test_it_is_made_of_the_packaged_weights_and_verified():
    manifest = Manifest.read(Manifest.path_of(FILE))
    manifest.check_files(FILE.parent)
    assert manifest.source['weights_sha256'] == sha256(FILE.with_suffix('.pth'))
    assert manifest.verification['status'] == 'passed'
    assert abs(manifest.verification['ap'] - manifest.verification['ap_torch']) < 0.005
    assert manifest.batch == 0 and manifest.outputs == ('simcc_x', 'simcc_y') and manifest.channel_order == 'rgb'


def test_it_is_small_and_portable():
    """Large tensors are stored in float16, constant maps are not stored, and every operator is standard."""
    assert FILE.stat().st_size < 6e6
    model = onnx.load(FILE)
    large = [t for t in model.graph.initializer if np.prod(t.dims) > 1000]
    assert {t.data_type for t in large} == {onnx.TensorProto.FLOAT16}
    assert {n.domain for n in model.graph.node} <= {'', 'ai.onnx'}
    shape = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ['batch', 3, 128, 96]


def test_it_gives_what_torch_gives(astronaut):
    from mmpose_amfac.apis import TorchEstimator
    rng = np.random.default_rng(0)
    boxes = np.array([40, 0, 470, 512]) + rng.uniform(-30, 30, (16, 4))
    ours, torch = (estimator(astronaut, boxes) for estimator in (AMFACPose(threads=1), TorchEstimator()))
    sure = torch.keypoint_scores > 0.3
    away = np.linalg.norm(ours.keypoints - torch.keypoints, axis=-1)
    # a pixel of the crop is about 5 of the picture
    assert sure.sum() > 50 and away[sure].max() < 5 and np.median(away[sure]) < 0.05
    np.testing.assert_allclose(ours.keypoint_scores[sure], torch.keypoint_scores[sure], atol=0.01)

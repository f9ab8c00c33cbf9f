"""The model files that the package carries."""

import numpy as np
import onnx
import pytest

from mmpose_amfac import paths
from mmpose_amfac.files import sha256
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime import AMFACPose

FILES = {name: paths.WEIGHTS / f'amfacpose_{name}.onnx' for name in ('r18_128x96', 'r18_256x256', 'r34_384x288')}
each_file = pytest.mark.parametrize('file', FILES.values(), ids=FILES)
each_alias = pytest.mark.parametrize(('alias', 'name'), [
    ('amfacpose', 'r18_128x96'), ('amfacpose-r18-128x96', 'r18_128x96'), ('amfacpose-r18-256x256', 'r18_256x256'),
    ('amfacpose-r34-384x288', 'r34_384x288')])


def test_all_packaged_files_are_tested_here():
    assert set(paths.WEIGHTS.glob('*.onnx')) == set(FILES.values())


@each_alias
def test_they_answer_to_the_aliases(alias, name):
    assert AMFACPose(alias, threads=1).weights == FILES[name]


@each_file
def test_each_is_made_of_packaged_weights_and_verified(file):
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.check_files(file.parent)
    assert manifest.source['weights_sha256'] == sha256(file.with_suffix('.pth'))
    assert manifest.verification['status'] == 'passed'
    assert abs(manifest.verification['ap'] - manifest.verification['ap_torch']) < 0.005
    assert manifest.batch == 0 and manifest.outputs == ('simcc_x', 'simcc_y') and manifest.channel_order == 'rgb'


@each_file
def test_each_is_small_and_portable(file):
    """Large tensors are stored in float16, constant maps are not stored, and every operator is standard."""
    assert file.stat().st_size < (6e6 if '_r18_' in file.name else 9e6)
    model = onnx.load(file)
    large = [t for t in model.graph.initializer if np.prod(t.dims) > 1000]
    assert {t.data_type for t in large} == {onnx.TensorProto.FLOAT16}
    assert {n.domain for n in model.graph.node} <= {'', 'ai.onnx'}
    shape = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ['batch', 3, *map(int, file.stem.split('_')[-1].split('x'))]


@pytest.mark.parametrize('name', ['amfacpose', 'amfacpose-r18-256x256', 'amfacpose-r34-384x288'])
def test_each_gives_what_torch_gives(name, astronaut):
    from mmpose_amfac.apis import TorchEstimator
    rng = np.random.default_rng(0)
    boxes = np.array([40, 0, 470, 512]) + rng.uniform(-30, 30, (16, 4))
    ours, torch = (estimator(astronaut, boxes) for estimator in (AMFACPose(name, threads=1), TorchEstimator(name)))
    sure = torch.keypoint_scores > 0.3
    away = np.linalg.norm(ours.keypoints - torch.keypoints, axis=-1)
    # a pixel of the crop is about 5 of the picture
    assert sure.sum() > 50 and away[sure].max() < 5 and np.median(away[sure]) < 0.05
    np.testing.assert_allclose(ours.keypoint_scores[sure], torch.keypoint_scores[sure], atol=0.01)

"""Conversion of a pose model by MMDeploy: the packaged weights, through the tool and through the function."""

import json

import numpy as np
import pytest

from mmpose_amfac import geometry, simcc
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.openvino_engine import openvino_core

pytest.importorskip('mmdeploy', reason='mmdeploy has wheels for Linux on x86-64 and for Windows only')

CONFIG = 'configs/real_data/amfacpose_r18_real-128x96.py'
WEIGHTS = 'mmpose_amfac/weights/amfacpose_r18_128x96.pth'
SIZE = (96, 128)
ZOO = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py'


def deploy(name):
    return f'configs/deploy/pose-detection_simcc_{name}.py'


def report(folder):
    return json.loads((folder / 'check.json').read_text())


def session(path):
    import onnxruntime
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def normalised(crops):
    return geometry.normalise(crops, 'rgb', (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@pytest.mark.slow
def test_the_tools_file_gives_torchs_joints_on_real_crops(converted_by_tool, estimator, crops):
    assert len(crops) >= 16
    run = session(converted_by_tool / 'end2end.onnx')
    assert [(i.name, i.shape) for i in run.get_inputs()] == [('input', ['batch', 3, 128, 96])]
    assert [o.name for o in run.get_outputs()] == ['simcc_x', 'simcc_y']
    points, scores = estimator.forward(crops)
    for batch in (1, 3, len(crops)):
        parts = [run.run(None, {'input': normalised(crops[i:i + batch])}) for i in range(0, len(crops), batch)]
        x, y = (np.concatenate(part) for part in zip(*parts))
        assert x.shape == (len(crops), 17, 192) and y.shape == (len(crops), 17, 256)
        assert min(x.min(), y.min()) >= 0 and max(x.max(), y.max()) <= 1
        found, peaks = simcc.decode(x, y, 2.0, window=10)
        np.testing.assert_allclose(found, points, atol=0.01)
        np.testing.assert_allclose(peaks, scores, atol=1e-4)


@pytest.mark.slow
def test_the_graph_has_standard_operators_only_and_folds(converted_by_tool):
    import onnx
    model = onnx.load(converted_by_tool / 'end2end.onnx')
    assert {node.domain for node in model.graph.node} == {''}
    assert [(o.domain, o.version) for o in model.opset_import] == [('', 17)]
    assert [i.name for i in model.graph.input] == ['input']
    # rewritten for speed: neither Softplus nor BatchNorm is left
    assert not {'Softplus', 'BatchNormalization'} & {node.op_type for node in model.graph.node}


@pytest.mark.slow
def test_static_batch_and_openvino(converted, estimator, crops):
    folder, _ = converted
    told = report(folder / 'onnxruntime_static')
    assert told['status'] == 'passed' and told['max_px'] < 0.01 and told['compared'] > 200 and told['batches'] == [1]
    assert session(folder / 'onnxruntime_static' / 'end2end.onnx').get_inputs()[0].shape == [1, 3, 128, 96]
    assert report(folder / 'openvino_dynamic')['status'] == 'passed'
    model = openvino_core().compile_model(str(folder / 'openvino_dynamic' / 'end2end.xml'), 'CPU',
                                          {'INFERENCE_PRECISION_HINT': 'f32'})
    x, y = (model(normalised(crops))[name] for name in ('simcc_x', 'simcc_y'))
    np.testing.assert_allclose(simcc.decode(x, y, 2.0, 10)[0], estimator.forward(crops)[0], atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize('window', [0, 10])
def test_decoding_in_the_graph_is_the_codecs(converted, estimator, crops, window, monkeypatch):
    folder, _ = converted
    assert report(folder / f'sdk{window}')['status'] == 'passed'
    monkeypatch.setattr(estimator, '_window', window)
    points, scores = estimator.forward(crops)
    found, peaks = session(folder / f'sdk{window}' / 'end2end.onnx').run(None, {'input': normalised(crops)})
    np.testing.assert_allclose(found, points, atol=0.01)
    np.testing.assert_allclose(peaks, scores, atol=1e-4)


@pytest.mark.parametrize('window', [0, 1, 5, 300])
def test_the_graphs_decoder_is_the_numpy_one(window):
    """Ties, peaks at the borders and windows wider than the axis included."""
    import torch

    from mmpose_amfac.deploy.rewrites import decode
    rng = np.random.default_rng(0)
    x, y = (rng.random((4, 17, n), np.float32)**8 for n in (192, 256))
    x[0, 0], y[0, 1] = 0, 1
    x[1, :, 0] = x[2, :, -1] = 2
    for found, wanted in zip(decode(torch.from_numpy(x), torch.from_numpy(y), 2.0, window),
                             simcc.decode(x, y, 2.0, window)):
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)


@pytest.mark.slow
def test_mmdeploys_own_model_gives_pictures_coordinates(converted_by_tool, root, astronaut):
    """What MMDeploy's test tool runs: it must decode with both vectors and our window."""
    from mmdeploy.apis.utils import build_task_processor

    from mmpose_amfac.apis.estimator import TorchEstimator
    from mmpose_amfac.deploy import deploy_config
    config = deploy_config.load_model(root / CONFIG)
    task = build_task_processor(config, deploy_config.load(root / deploy('onnxruntime_dynamic')), 'cpu')
    model = task.build_backend_model([str(converted_by_tool / 'end2end.onnx')])
    data, _ = task.create_input(astronaut, SIZE)
    found = model.test_step(data)[0].pred_instances
    wanted = TorchEstimator()(astronaut, [[0, 0, 512, 512]])
    np.testing.assert_allclose(found.keypoints, wanted.keypoints, atol=0.05)
    # the caller's config is as it was
    assert config.codec.type == 'AMFACSimCCLabel' and config.model.test_cfg.flip_test


@pytest.mark.slow
def test_a_file_that_differs_is_rejected(converted):
    folder, output = converted
    assert 'exit code 1' in output and 'rejected on 24 crops' in output
    assert sorted(p.name for p in (folder / 'wrong').iterdir()) == ['check.json', 'end2end.onnx.rejected']
    assert 'more than 0.1 px' in report(folder / 'wrong')['reasons'][0]


@pytest.mark.slow
@pytest.mark.parametrize('options, message', [
    (dict(checkpoint='none.pth'), 'none.pth does not exist'),
    (dict(checkpoint=None), 'either a checkpoint or --random-weights'),
    (dict(model_config='amfacpose_r18_1xb32-140e_coco-256x192.py'), 'trained at another input size'),
    (dict(model_config='amfacpose_r34_1xb64-none.py'), 'does not exist'),
    (dict(model_config='no_model.py'), 'has no model.type and model.backbone'),
    (dict(work_dir='no_model.py'), 'no_model.py is a file; give a folder'),
    (dict(work_dir='no_model.py/x'), 'no_model.py is a file; give a folder'),
    (dict(device='cuda:0'), 'OpenVINO; leave --device at cpu'),
    (dict(model_config=ZOO, checkpoint=None, random_weights=True), '1 outputs, the deploy config names 2'),
])
def test_mistakes_are_one_line(root, tmp_path, monkeypatch, options, message):
    from mmpose_amfac.deploy.convert import convert
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    (elsewhere / 'no_model.py').write_text("model = dict(type='TopdownPoseEstimator')\n")
    monkeypatch.chdir(elsewhere)
    right = dict(deploy_config=root / deploy('openvino_static'), model_config=root / CONFIG,
                 checkpoint=root / WEIGHTS, work_dir=tmp_path / 'work')
    with pytest.raises(AMFACError, match=message) as caught:
        convert(**{**right, **options})
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'work').exists() or not list((tmp_path / 'work').iterdir())


def test_pictures_are_cut_out_with_the_configs_padding(root, monkeypatch):
    from types import SimpleNamespace

    import torch

    from mmpose_amfac.deploy import deploy_config
    from mmpose_amfac.deploy.reference_pose import PoseReference
    from mmpose_amfac.deploy.samples import samples
    model = deploy_config.load_model(root / CONFIG)
    step, = (s for s in model.test_dataloader.dataset.pipeline if s.type == 'GetBBoxCenterScale')
    step.padding = 1.5
    monkeypatch.setattr(PoseReference, 'inputs', lambda self, indices: None)
    monkeypatch.setattr(PoseReference, '_outputs', lambda self, inputs: [torch.zeros(1)] * 2)
    reference = PoseReference(deploy_config.load(root / deploy('onnxruntime_static')),
                              SimpleNamespace(model_cfg=model), None, None, WEIGHTS)
    wanted, plain = samples(SIZE, 1.5).crops[0], samples(SIZE).crops[0]
    assert (reference.example == wanted).all() and (wanted != plain).any()


@pytest.mark.slow
def test_a_zoo_model_with_random_weights(converted):
    folder = converted[0] / 'zoo'
    told = report(folder)
    assert told['status'] == 'passed' and told['raw_max'] < 1e-3 and told['checkpoint'] == 'random'
    assert told['random_weights'] is True and report(converted[0] / 'wrong')['random_weights'] is False
    assert sorted(p.name for p in folder.iterdir()) == ['check.json', 'end2end.onnx']
    assert session(folder / 'end2end.onnx').get_outputs()[0].shape == ['batch', 17, 64, 48]

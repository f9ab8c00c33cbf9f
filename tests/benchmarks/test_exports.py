"""Files to time: both ways of writing them, from the same weights, against torch and against each other."""

import numpy as np
import onnx
import pytest
import torch

from benchmarks import zoo
from benchmarks.models import nets
from benchmarks.models.exports import MMDEPLOY, PLAIN, Folder, deploy_config
from benchmarks.timing import opened
from benchmarks.timing.agreement import WrongOutputError, compare, compare_people
from benchmarks.timing.opened import Run, open_candidate
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.engines import open_engine

RTMPOSE = 'rtmpose-t_8xb256-420e_coco-256x192'
REGRESSION = 'td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco-256x192'
OURS = 'amfacpose_r18_1xb32-140e_coco-256x192'
YOLOX = 'yoloxpose_tiny_4xb64-300e_coco-416'


@pytest.fixture(scope='session')
def files(tmp_path_factory):
    """Folder of a system, by its name; all tests share the files."""
    root = tmp_path_factory.mktemp('exports')
    return lambda name: Folder(root, zoo.find(name))


def plain_network(folder, seed_batch):
    """Torch's own outputs, by way of MMPose alone."""
    model = zoo.build(folder.system)
    model.load_state_dict(torch.load(folder.weights, weights_only=True)['state_dict'])
    with torch.inference_mode():
        out = model(torch.from_numpy(nets.pictures(folder.system, seed_batch)), None, mode='tensor')
    return [v.numpy() for v in (out if isinstance(out, tuple) else (out, ))]


def test_systems_that_differ_in_training_alone_share_a_network():
    same = [nets.identity(zoo.find(f'rtmpose-m_8xb256-420e_{data}-256x192')) for data in ('coco', 'aic-coco')]
    assert same[0] == same[1]
    heat = [nets.identity(zoo.find(f'td-hm_hrnet-w32_{kind}8xb64-210e_coco-256x192')) for kind in ('', 'dark-')]
    assert heat[0] == heat[1]
    others = (RTMPOSE, 'rtmpose-m_8xb256-420e_aic-coco-384x288', 'rtmpose-m_8xb64-210e_crowdpose-256x192', OURS,
              'amfacpose_r18_1xb32-140e_coco-256x256', 'td-hm_hrnet-w32_udp-regress-8xb64-210e_coco-256x192')
    assert len({nets.identity(zoo.find(name)) for name in others} | {same[0], heat[0]}) == len(others) + 2


@pytest.mark.parametrize('name, config', [
    (RTMPOSE, 'pose-detection_simcc_onnxruntime_static.py'), (REGRESSION, 'pose-detection_onnxruntime_static.py'),
    ('ipr_res50_dsnt-8xb64-210e_coco-256x256', 'pose-detection_integral_onnxruntime_static.py'),
    ('td-hm-vis_res50_8xb64-210e_coco-aic-256x192-merge', 'pose-detection_visibility_onnxruntime_static.py'),
    (YOLOX, 'pose-detection_one-stage_onnxruntime_static.py'),
    ('rtmdet_nano_320-8xb32_coco-person', 'detection_onnxruntime_static-320x320.py')])
def test_the_deploy_config_follows_from_the_head(name, config):
    assert deploy_config(zoo.find(name), 'onnxruntime', 1) == config


@pytest.mark.parametrize('name', ['ae_hrnet-w32_8xb24-300e_coco-512x512', 'cid_hrnet-w32_8xb20-140e_coco-512x512'])
def test_what_mmdeploy_has_no_rewrite_for_is_told(name):
    with pytest.raises(AMFACError, match='MMDeploy has no codebase'):
        deploy_config(zoo.find(name), 'onnxruntime', 1)


@pytest.mark.slow
@pytest.mark.parametrize('name', [RTMPOSE, REGRESSION, OURS])
def test_both_ways_give_torchs_outputs(files, name):
    folder = files(name)
    inputs = nets.pictures(folder.system, 1)
    wanted = nets.expected(nets.load(folder.system, folder.weights), folder.system, inputs)
    if name != OURS:
        assert all(np.array_equal(a, b) for a, b in zip(wanted, plain_network(folder, 1), strict=True))
    exported = folder.export('onnxruntime', 1)
    assert exported.route == MMDEPLOY and not exported.note
    for path in (exported.path, folder.plain('onnxruntime', 1)):
        found = open_engine(path, 'onnxruntime', threads=1)(inputs)
        for value, like in zip(found, wanted, strict=True):
            assert abs(value - like).max() <= 1e-4 * abs(like).max()
    candidate = open_candidate(folder, Run('openvino', 'deploy' if name == OURS else 'as published', 'fp32', 1, 1))
    assert candidate.row['difference_from_torch'] < 1e-3 and candidate.row['difference_between_routes'] < 1e-3
    assert candidate.row['route'] == MMDEPLOY and candidate.seconds > 0


@pytest.mark.slow
def test_larger_batches_are_fixed_in_the_file(files):
    folder = files(RTMPOSE)
    path = folder.export('onnxruntime', 3).path
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims] == [3, 3, 256, 192]
    found = open_engine(path, 'onnxruntime', threads=1)(nets.pictures(folder.system, 3))
    for value, like in zip(found, plain_network(folder, 3), strict=True):
        assert abs(value - like).max() <= 1e-4 * abs(like).max()


@pytest.mark.slow
def test_people_are_those_of_torch(files):
    candidate = open_candidate(files(YOLOX), Run('onnxruntime', 'as published', 'fp32', 1, 1))
    assert candidate.row['route'] == MMDEPLOY and candidate.row['difference_from_torch'] < 1e-3


@pytest.mark.slow
def test_people_of_torch_are_told_as_a_file_tells_them(files):
    folder = files(YOLOX)
    run = Run('compile', 'as published', 'fp32', 1, 2)
    assert compare_people(folder, opened._stacked(folder.people(2)), run)['difference_from_torch'] == 0
    with pytest.raises(WrongOutputError, match='of the boxes'):
        compare_people(folder, opened._stacked(folder.people(2)[::-1]), run)


@pytest.mark.slow
def test_what_mmdeploy_cannot_torch_writes(files, monkeypatch):
    """The row says which way the file went, and why not the other."""
    folder = files(REGRESSION)
    monkeypatch.setattr(Folder, 'mmdeploy', lambda *_: (_ for _ in ()).throw(AMFACError('no rewrite')))
    row = open_candidate(folder, Run('onnxruntime', 'as published', 'fp32', 1, 1)).row
    assert row['route'] == PLAIN and row['note'] == 'no rewrite' and 'difference_between_routes' not in row
    folder.remove()
    assert not folder.path.exists()


class Stub:
    """A folder whose torch gives ``outputs`` for a batch, and people."""

    def __init__(self, outputs, rounding=0.0, people=()):
        self.expected, self.system, self.rounding = ([outputs[:1]], [outputs[1:2]]), zoo.find(RTMPOSE), rounding
        self.outputs = lambda batch: [outputs[:batch]]
        self.people = lambda batch: people


def run(precision='fp32', batch=1):
    return Run('any', 'as published', precision, 1, batch)


def test_files_that_compute_something_else_are_refused():
    """Two pictures of the same answer, an answer that is off, int8 outputs of another picture."""
    sharp, flat = np.eye(4, dtype=np.float32), np.ones((2, 4), np.float32)
    with pytest.raises(AMFACError, match='too much alike'):
        compare(Stub(flat), [flat[:1]], run())
    right = Stub(sharp)
    assert compare(right, [sharp[:1]], run()) == dict(difference_from_torch=0)
    with pytest.raises(WrongOutputError, match='differ from torch by 1.0e-02'):
        compare(right, [sharp[:1] + np.float32(0.01)], run())
    for precision in ('int8', 'bf16'):
        assert compare(right, [sharp[:1] + np.float32(0.01)], run(precision))['correlation_with_torch'] == 1
    with pytest.raises(WrongOutputError, match='correlate'):
        compare(right, [sharp[1:2]], run('int8'))


def test_every_picture_of_a_batch_is_compared():
    sharp = np.eye(4, dtype=np.float32)
    assert compare(Stub(sharp), [sharp], run(batch=4)) == dict(difference_from_torch=0)
    wrong = sharp.copy()
    wrong[3] += 1
    with pytest.raises(WrongOutputError, match='differ from torch'):
        compare(Stub(sharp), [wrong], run(batch=4))
    with pytest.raises(WrongOutputError, match='those of torch'):
        compare(Stub(sharp), [sharp[:1]], run(batch=4))


def test_deep_networks_may_differ_by_what_torch_rounds():
    sharp = np.eye(4, dtype=np.float32)
    off = [sharp[:1] + np.float32(2e-3)]
    assert compare(Stub(sharp, 1e-3), off, run()) == dict(difference_from_torch=2e-3, rounding_of_torch=1e-3)
    for rounding in (1e-4, float('nan')):
        with pytest.raises(WrongOutputError, match='differ'):
            compare(Stub(sharp, rounding), off, run())
    # never more than a hundredth, and what is no number never
    with pytest.raises(WrongOutputError):
        compare(Stub(sharp, 1.0), [sharp[:1] + np.float32(0.02)], run())
    with pytest.raises(WrongOutputError):
        compare(Stub(sharp, 1.0), [sharp[:1] * np.float32('nan')], run())


def test_people_are_paired_both_ways():
    from mmengine.structures import InstanceData
    start = 40.0 * np.arange(4)
    boxes = np.stack([start, start, start + 20, start + 20], 1)
    scores = np.linspace(0.3, 0.9, 4)
    torchs = [InstanceData(bboxes=boxes, scores=scores, labels=np.zeros(4, int))] * 2
    stub = Stub(np.eye(4, dtype=np.float32), people=torchs)
    found = np.concatenate([boxes, scores[:, None]], 1)
    labels = np.zeros(4, int)
    both = run(batch=2)
    assert compare_people(stub, [[found, found], [labels, labels]], both)['difference_from_torch'] == 0
    # boxes without area are those of MMDeploy alone
    empty = np.concatenate([found, np.full((3, 5), 7.0)])
    more = np.zeros(7, int)
    assert compare_people(stub, [[empty, found], [more, labels]], both)['difference_from_torch'] == 0
    # three missing in the second picture, and people that torch does not find
    with pytest.raises(WrongOutputError, match='only 77% of the boxes'):
        compare_people(stub, [[found, found[:1]], [labels, labels[:1]]], both)
    others = np.concatenate([found, found + 13])
    with pytest.raises(WrongOutputError, match='of the boxes'):
        compare_people(stub, [[others, others], [np.zeros(8, int)] * 2], both)
    off = found + np.array([0, 0, 0, 0, 0.1])
    with pytest.raises(WrongOutputError, match='differ from torch by 1.0e-01'):
        compare_people(stub, [[off, found], [labels, labels]], both)


@pytest.mark.slow
def test_torchs_own_rounding_is_that_of_float32(files):
    assert 0 < files(RTMPOSE).rounding < 1e-4


@pytest.mark.parametrize('error, kept', [(RuntimeError('no operator'), True), (OSError('No space left'), False)])
def test_only_lasting_failures_are_remembered(files, monkeypatch, error, kept):
    """A full disk may have room the next time; what MMDeploy does not export it never does."""
    folder = files(REGRESSION)
    calls = []

    def convert(*_):
        calls.append(1)
        raise AMFACError('cannot') from error

    monkeypatch.setattr(Folder, '_convert', convert)
    for _ in range(2):
        with pytest.raises(AMFACError, match='cannot'):
            folder.mmdeploy('onnxruntime', 7 + kept)
    assert len(calls) == 2 - kept

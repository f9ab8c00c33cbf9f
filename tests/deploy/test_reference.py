"""What a comparison with torch finds in files of MMDeploy: the verdicts, on outputs that are made up."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmpose_amfac import simcc
from mmpose_amfac.deploy.convert import told
from mmpose_amfac.deploy.reference_boxes import BoxReference
from mmpose_amfac.deploy.reference_people import PeopleReference
from mmpose_amfac.deploy.reference_pose import PoseReference
from mmpose_amfac.deploy.vectors import clear

pytest.importorskip('mmdeploy', reason='mmdeploy has wheels for Linux on x86-64 and for Windows only')


def peaks(count, bins, seed):
    """(count, 4, bins): smooth vectors with a peak each, some between two bins."""
    rng = np.random.default_rng(seed)
    centre, height = rng.uniform(12, bins - 12, (count, 4, 1)).round(1), rng.uniform(0.3, 0.9, (count, 4, 1))
    centre[:, 0] = np.floor(centre[:, 0]) + 0.5
    return torch.from_numpy((height * np.exp(-((np.arange(bins) - centre) / 3)**2 / 2)).astype(np.float32))


VECTORS = peaks(6, 48, 0), peaks(6, 64, 1)


def compare(answer, decoded=False, precision='fp32', vectors=VECTORS, window=5):
    """Verdict on a file whose outputs for crops i are ``answer(torch's vectors of crops i)``."""
    reference = PoseReference.__new__(PoseReference)
    reference.precision, reference.random = precision, False
    reference.deploy = Config(dict(
        codebase_config=dict(export_postprocess=decoded), backend_config=dict(type='onnxruntime'),
        onnx_config=dict(input_names=['input'], output_names=['simcc_x', 'simcc_y'],
                         dynamic_axes=dict(input={0: 'batch'}))))
    reference.model = SimpleNamespace(head=SimpleNamespace(decoder=SimpleNamespace(window=window)))
    reference._samples = SimpleNamespace(crops=np.zeros((6, 2, 2, 3)), description='crops')
    reference.inputs = lambda indices: torch.tensor(list(indices))
    reference._outputs = lambda indices: [v[indices].clone() for v in vectors]
    reference._decode = lambda outputs: simcc.decode(*(v.numpy() for v in outputs), 2.0, window)

    class Wrapper(SimpleNamespace):
        def __call__(self, inputs):
            return answer([v[inputs['input']].clone() for v in vectors])

    wrapper = Wrapper(output_to_list=lambda value: value)
    reference.task = SimpleNamespace(device='cpu', build_backend_model=lambda files: SimpleNamespace(wrapper=wrapper))
    report = reference.compare(['file']) | dict(backend='onnxruntime')
    assert told(report)[-1] == f'{report["status"]} on 6 crops, onnxruntime {precision}'
    return report


def decode(vectors, window=5):
    return [torch.from_numpy(v) for v in simcc.decode(*(v.numpy() for v in vectors), 2.0, window)]


@pytest.mark.parametrize('decoded', [False, True])
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_equal_outputs_pass(decoded, precision):
    report = compare(decode if decoded else list, decoded, precision)
    assert report['status'] == 'passed' and report['max_px'] == 0 and report['batches'] == (1, 3)


def spoilt(place, value):
    def answer(vectors, decoded=False):
        outputs = decode(vectors) if decoded else vectors
        outputs[place][:, 2] = value
        return outputs
    return answer


@pytest.mark.parametrize('decoded', [False, True])
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
@pytest.mark.parametrize('place, name', [(0, 'simcc_x'), (1, 'simcc_y')])
def test_values_that_are_not_finite_are_rejected(decoded, precision, place, name):
    report = compare(lambda v: spoilt(place, float('nan'))(v, decoded), decoded, precision)
    assert report['status'] == 'rejected' and 'max_px' not in report
    assert report['reasons'] == [f'batch {n}: the output {name} holds values that are not finite' for n in (1, 3)]


@pytest.mark.parametrize('answer, reason', [
    (lambda v: v[:1], '1 outputs instead of 2'),
    (lambda v: v[::-1], 'the output simcc_x has the shape (6, 4, 64), torch gives (6, 4, 48)')])
def test_outputs_of_another_form_are_rejected(answer, reason):
    assert compare(answer)['reasons'][0] == f'batch 1: {reason}'


@pytest.mark.parametrize('precision, off, status', [
    ('fp32', 5e-4, 'passed'), ('fp32', 2e-3, 'rejected'), ('fp16', 1e-2, 'passed'), ('fp16', 4e-2, 'rejected')])
def test_scores_of_decoded_graphs_are_judged(precision, off, status):
    def answer(vectors):
        points, scores = decode(vectors)
        return points, scores * (1 - off)

    report = compare(answer, True, precision)
    assert report['status'] == status and report['max_px'] == 0
    assert report['reasons'] == ([] if status == 'passed' else [
        f'scores differ from torch by up to {off:.3g} of the largest, more than {report["score_limit"]:.3g} of the '
        'largest'])


def test_joints_that_move_are_rejected():
    def answer(vectors):
        points, scores = decode(vectors)
        return points + 0.2, scores

    report = compare(answer, True)
    assert 'joints differ from torch by up to 0.283 px, more than 0.1 px' in report['reasons']
    assert told(report)[0].startswith('against torch: max 0.28 px of the network input (limit 0.1 px) over 24 of 24')


# no joint has a best bin
FLAT = tuple(v * 0 + v.amax(-1, keepdim=True) for v in VECTORS)


def test_where_no_joint_is_clear_the_vectors_are_judged():
    report = compare(lambda v: [value * 0.9 for value in v], False, 'fp16', FLAT)
    assert report['compared'] == 0 and report['status'] == 'rejected'
    assert any('of their largest value, more than 0.02 of' in reason for reason in report['reasons'])
    assert compare(list, False, 'fp16', FLAT)['status'] == 'passed'


def test_decoded_graphs_without_a_clear_joint_are_not_judged():
    report = compare(decode, True, 'fp16', FLAT)
    assert report['compared'] == 0 and report['status'] == 'unverified'


def test_a_network_that_says_the_same_of_every_crop_is_not_judged():
    same = tuple(v[:1].expand(6, -1, -1) for v in VECTORS)
    assert compare(list, vectors=same)['status'] == 'unverified'


@pytest.mark.parametrize('window', [0, 5])
def test_joints_are_left_out_by_the_rule_of_the_exports(window):
    report = compare(list, window=window)
    chosen = clear([v.numpy() for v in VECTORS], window)
    assert report['compared'] == chosen.sum() and report['left_out'] == pytest.approx(1 - chosen.mean())
    assert (report['left_out'] > 0.2) == (window == 0)


def boxes(dets, labels=None, precision='fp32', found=((0, 0, 10, 10, .9), (20, 0, 30, 10, .8), (20, 30, 40, 50, .02)),
          random=False):
    """Verdict on a file that gives ``dets`` where torch gives ``found``."""
    reference = BoxReference.__new__(BoxReference)
    reference._pictures, reference._told, reference.precision, reference.random = [0], 'pictures', precision, random
    reference.model = SimpleNamespace(bbox_head=SimpleNamespace(test_cfg=dict(score_thr=0.01)))
    values = np.array(found, np.float32).reshape(-1, 5)
    reference._predict = lambda picture: (None, SimpleNamespace(
        bboxes=values[:, :4], scores=values[:, 4], labels=np.zeros(len(values), int)))
    dets = torch.tensor(dets, dtype=torch.float32)
    labels = torch.zeros(len(dets), dtype=torch.long) if labels is None else torch.tensor(labels)
    return reference._figures(lambda inputs: [dets[None], labels[None]])


RIGHT = [[0, 0, 10, 10, .9], [20, 0, 30, 10, .8], [0, 0, 0, 0, 0]]


def test_boxes_that_agree():
    report = boxes(RIGHT)
    assert not report['reasons'] and report['boxes'] == 2 and report['left_out'] == 0 and report['max_px'] == 0


@pytest.mark.parametrize('dets, labels, reason', [
    ([*RIGHT, *([50 + i, 50, 90, 90, 1] for i in range(99))], None, '98.0% of the boxes'),
    ([*RIGHT, *[RIGHT[0]] * 9], None, '81.8% of the boxes'),  # one partner each
    (RIGHT[:1], None, '50.0% of the boxes'),
    (RIGHT, [0, 1, 0], '66.7% of the boxes'),
    ([[0, 0, 10, 10, float('nan')], RIGHT[1]], None, 'the output dets holds values that are not finite'),
    ([[0, 0, float('inf'), 10, .9], RIGHT[1]], None, 'the output dets holds values that are not finite'),
    ([row[:4] for row in RIGHT], None, 'the output dets has the shape (3, 4), torch gives (3, 5)'),
    (RIGHT, [0, 0], 'the output labels has the shape (2,), torch gives (3,)'),
    ([[0, 0, 10.5, 10, .9], RIGHT[1]], None, 'boxes differ from torch by up to 0.5 px, more than 0.1 px'),
    ([[0, 0, 10, 10, .89], RIGHT[1]], None, 'scores differ from torch by up to 0.01, more than 0.001')])
def test_boxes_that_do_not(dets, labels, reason):
    assert boxes(dets, labels)['reasons'][0].startswith(reason)


def test_boxes_below_the_threshold_need_no_partner():
    assert not boxes([*RIGHT, [70, 70, 90, 90, .029]])['reasons']
    assert boxes([*RIGHT, [70, 70, 90, 90, .031]])['reasons']


def test_boxes_of_random_weights_and_no_boxes_are_not_judged():
    assert boxes(RIGHT[:1], random=True)['nothing'] and not boxes(RIGHT[:1], random=True)['reasons']
    assert boxes([[0, 0, 0, 0, 0]], found=())['nothing']


def people(points, random=False):
    """Verdict on a file that gives people with ``points`` where torch gives two of them."""
    reference = PeopleReference.__new__(PeopleReference)
    reference._pictures, reference._told, reference.precision, reference.random = [0], 'pictures', 'fp32', random
    reference._size, reference._row = (64, 64), (2, 3)
    reference.model = SimpleNamespace(test_cfg=dict(score_thr=0.01))
    boxes = np.array([[0, 0, 10, 10], [20, 0, 64, 10]], np.float32)
    right = np.array([[[1, 1], [5, 5]], [[25, 5], [30, 5]]], np.float32)
    reference._predict = lambda picture: (None, SimpleNamespace(
        bboxes=np.concatenate([boxes, right.reshape(2, -1)], 1), scores=np.array([.9, .8]), labels=np.zeros(2, int)))
    # the graph does not clip
    dets = np.concatenate([boxes + [[0, 0, 0, 0], [0, 0, 9, 0]], [[.9], [.8]]], 1)
    return reference._figures(lambda inputs: [torch.tensor(dets)[None], torch.cat(
        [torch.tensor(right) + torch.tensor(points), torch.ones(2, 2, 1)], -1)[None]])


def test_people_are_compared_with_their_joints():
    assert not people(0.0)['reasons'] and people(0.0)['boxes'] == 2 and people(0.0)['max_px'] == 0
    assert any('boxes differ from torch by up to 0.2' in reason for reason in people(0.2)['reasons'])
    assert people(9.0)['left_out'] == 1 and people(9.0)['reasons']
    assert people(9.0, random=True)['nothing'] and not people(9.0, random=True)['reasons']


@pytest.mark.parametrize('shapes, chosen', [
    ([(3, 2, 2)], 1), ([(3, 2, 4)], 1), ([(3, 2, 2), (3, 2, 8, 6)], 1), ([(3, 6, 8, 6)], 1), ([(3, 2, 8, 6)], 0),
    ([(3, 2, 8, 6), (3, 2)], 0), ([(3, 2, 9), (3, 2, 12)], 0)])
def test_only_what_is_binned_can_be_unclear(shapes, chosen):
    """Flat maps have no best cell; coordinates need none."""
    reference = PoseReference.__new__(PoseReference)
    reference.precision = 'fp32'
    reference.model = SimpleNamespace(head=SimpleNamespace(decoder=SimpleNamespace()))
    outputs = [np.ones(shape, np.float32) for shape in shapes]
    assert (reference._clear(outputs, np.zeros((3, 2, 2))) == chosen).all()

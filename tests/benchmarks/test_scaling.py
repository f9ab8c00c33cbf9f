"""Time over the number of people: the pictures, what is found in them, the rows, and where lines cross."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import scaling, zoo
from benchmarks.models import bottom_up, crops, pipelines, stage_files
from benchmarks.results import CannotRunError, read
from benchmarks.timing import crossover
from benchmarks.timing.crowd_picture import MOST, PERSON, PICTURE, crowd
from mmpose_amfac.apis.report import cpu_name
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256

NANO = 'rtmdet_nano_320-8xb32_coco-person'
POSE, ONE_STAGE = 'rtmpose-t_8xb256-420e_coco-256x192', 'rtmo-t_8xb32-600e_body7-416x416'


def stage(name, files=Path('unused'), backend='torch'):
    return bottom_up.open_stage(zoo.find(name), pipelines.Setting(backend, 1, files))


def test_pictures_differ_in_the_number_of_people_only(astronaut):
    before, boxes_before = crowd(astronaut, 31)
    picture, boxes = crowd(astronaut, 32)
    assert picture.shape == before.shape == (*PICTURE[::-1], 3) and boxes.shape == (32, 4)
    np.testing.assert_array_equal(boxes[:31], boxes_before)
    np.testing.assert_array_equal(boxes[:, 2:] - boxes[:, :2], np.tile(PERSON, (32, 1)))
    tiles = [picture[y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.astype(int)]
    assert all(np.array_equal(tile, tiles[0]) for tile in tiles)
    x1, y1, x2, y2 = boxes[31].astype(int)
    same = (picture == before).all(-1)
    assert not same[y1:y2, x1:x2].all()
    same[y1:y2, x1:x2] = True
    assert same.all()


def test_people_do_not_overlap_and_have_an_end(astronaut):
    picture, boxes = crowd(astronaut, MOST)
    covered = np.zeros(picture.shape[:2], int)
    for x1, y1, x2, y2 in boxes.astype(int):
        covered[y1:y2, x1:x2] += 1
    assert covered.max() == 1 and covered.sum() == MOST * PERSON[0] * PERSON[1]
    with pytest.raises(AMFACError, match='at most 64'):
        crowd(astronaut, MOST + 1)


@pytest.mark.slow
def test_every_box_is_a_crop_and_comes_back(tmp_path, astronaut, monkeypatch):
    network = stage(POSE, tmp_path)
    picture, boxes = crowd(astronaut, 3)
    seen = []
    forward = network.estimator.forward
    monkeypatch.setattr(network.estimator, 'forward', lambda c: seen.append(c.shape) or forward(c))
    poses = network.ready(picture, boxes)()
    assert seen == [(3, 256, 192, 3)]
    # within the crop, which is the box, widened to 3:4, times 1.25
    half = 1.25 * np.array([PERSON[1] * 3 / 4, PERSON[1]]) / 2
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    assert (abs(poses.keypoints - centre) <= half + 1).all()


@pytest.mark.slow
@pytest.mark.parametrize('name', [NANO, ONE_STAGE])
def test_as_many_are_found_as_there_are_people(tmp_path, astronaut, name):
    finder = stage(name, tmp_path)
    for people in (1, 5):
        found, scores = finder.ready(*crowd(astronaut, people))()
        assert len(found) == len(scores) == people


def test_points_of_a_one_stage_network_come_back_to_the_picture(astronaut):
    finder = object.__new__(pipelines.Finder)
    finder.cfg = zoo.load_config(zoo.find(ONE_STAGE))
    picture, _ = crowd(astronaut, 1)
    inputs, back, _ = finder._prepare(picture)
    # 1280x720 in the middle of 416x416
    zoom, top = 416 / 1280, (416 - 720 * 416 / 1280) / 2
    assert inputs.shape == (1, 3, 416, 416)
    assert inputs[0, :, :int(top)].min() == inputs[0, :, :int(top)].max() == 114
    points = np.float32([[[0, top], [416, 416 - top], [130, 200]]])
    np.testing.assert_allclose(back(points), (points - [0, top]) / zoom, atol=1e-3)


def test_boxes_of_a_detector_come_back_to_the_picture(astronaut):
    detector = object.__new__(pipelines.Detector)
    detector.system = zoo.find(NANO)
    inputs, back, _ = detector._prepare(crowd(astronaut, 1)[0])
    assert inputs.shape == (1, 3, 320, 320)
    np.testing.assert_allclose(detector._finish(np.float32([[10, 20, 30, 60]]), None, back, crowd(astronaut, 1)[0]),
                               [[40, 80, 120, 240]])


@pytest.mark.parametrize('people, most', [(3, 3), (30, 30), (64, 30)])
def test_grouping_finds_the_people_that_the_maps_encode(astronaut, monkeypatch, people, most):
    monkeypatch.setattr(bottom_up.Grouped, '_model', lambda self: None)
    monkeypatch.setattr(bottom_up.Grouped, '_network', lambda self, size: lambda inputs: None)
    grouped = stage('ae_hrnet-w32_8xb24-300e_coco-512x512')
    picture, boxes = crowd(astronaut, people)
    keypoints, scores = grouped.ready(picture, boxes)()
    expected = grouped.joints(picture, boxes[:most])
    assert keypoints.shape == (most, 17, 2) and scores.min() > 0.5 and grouped.found == most
    away = np.linalg.norm(keypoints[:, None] - expected[None], axis=-1).mean(-1)
    assert sorted(away.argmin(1)) == list(range(most)) and away.min(1).max() < 6


def test_another_threshold_keeps_other_boxes(tmp_path):
    """A file with three scores, whose last layer is a product with 100."""
    from onnxruntime import InferenceSession
    number = [('bbox_head.rtm_cls.0.weight', [100.0]), ('most', 9), ('iou', [0.5]), ('thr', [0.1])]
    graph = helper.make_graph(
        [helper.make_node('Mul', ['scores', number[0][0]], ['logits']),
         helper.make_node('NonMaxSuppression', ['boxes', 'logits', 'most', 'iou', 'thr'], ['kept'])], 'g',
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
         for name, shape in (('boxes', (1, 3, 4)), ('scores', (1, 1, 3)))],
        [helper.make_tensor_value_info('kept', TensorProto.INT64, None)],
        [numpy_helper.from_array(np.array(v, np.int64 if n == 'most' else np.float32), n) for n, v in number])
    path = tmp_path / 'nms.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)
    boxes = np.float32([[[0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]]])
    for threshold, kept in ((0.0, 3), (0.25, 2), (0.5, 1)):
        with stage_files.with_threshold(path, threshold) as copy:
            found, = InferenceSession(copy).run(None, dict(boxes=boxes, scores=np.float32([[[0.2, 0.4, 0.6]]])))
        assert len(found) == kept and not copy.exists()


class Fake:
    provider, note = 'fake', 'made up'
    most = 64

    def __init__(self, calls, name):
        self.calls, self.name = calls, name

    def ready(self, image, boxes):
        self.calls.append((self.name, len(boxes)))
        self.found = min(len(boxes), self.most)
        return lambda: None


@pytest.fixture
def fakes(monkeypatch):
    """(name, people) of each stage that was made ready."""
    calls = []
    monkeypatch.setattr(scaling, 'open_stage', lambda system, setting: Fake(calls, system.name))
    monkeypatch.setattr(scaling, 'interleaved', lambda candidates, rounds, warm_up, pause: {
        name: np.full(rounds, 0.01) for name in candidates})
    return calls


def test_rows_are_added_up_kept_and_told(tmp_path, monkeypatch, capsys):
    calls = []

    def fake(system, setting):
        if system.family == 'cid':
            raise CannotRunError('not here')
        return Fake(calls, system.name)

    def clockwork(candidates, rounds, warm_up, pause):
        return {name: np.full(rounds, {NANO: 0.02, POSE: 0.01}.get(name, 0.025)) for name in candidates}

    monkeypatch.setattr(scaling, 'open_stage', fake)
    monkeypatch.setattr(scaling, 'interleaved', clockwork)
    out = tmp_path / 'scaling.json'
    call = [POSE, ONE_STAGE, 'cid_hrnet-w32_8xb20-140e_coco-512x512', '--detector', NANO, '--rounds', '3', '--threads',
            '2', '--out', str(out), '--people']
    assert scaling.main([*call, '1']) == 0
    found = {row['name']: row for row in read(out, 'scaling')}
    assert found[POSE]['seconds'] == [0.03] * 3 and found[POSE]['detector'] == NANO and found[POSE]['rounds'] == 3
    assert found[ONE_STAGE]['seconds'] == [0.025] * 3 and found[ONE_STAGE]['detector'] == ''
    assert [row['reason'] for row in found.values() if 'reason' in row] == ['not here']
    assert f'measured with 1 people: {ONE_STAGE} is faster at all of them' in capsys.readouterr().out
    assert all(cpu_name() in id for id in (row['id'] for row in found.values()))
    calls.clear()
    assert scaling.main([*call, '1', '2']) == 0
    assert {people for _, people in calls} == {2} and len(read(out, 'scaling')) == 6


def test_a_picture_with_a_missing_row_is_measured_anew(fakes, tmp_path):
    out = tmp_path / 'scaling.json'
    call = [ONE_STAGE, '--people', '1', '2', '--out', str(out)]
    assert scaling.main(call) == 0
    runs = {row['people']: row['run'] for row in read(out, 'scaling')}
    assert len(set(runs.values())) == 2
    fakes.clear()
    assert scaling.main([POSE, *call, '--detector', NANO]) == 0
    assert {name for name, _ in fakes} == {POSE, NANO, ONE_STAGE}
    found = read(out, 'scaling')
    assert len(found) == 4 and all(row['run'] not in runs.values() for row in found)
    assert all(len({row['run'] for row in found if row['people'] == n}) == 1 for n in (1, 2))


def test_times_of_another_photograph_stand_apart(fakes, tmp_path, astronaut):
    out, photograph = tmp_path / 'scaling.json', tmp_path / 'other.png'
    cv2.imwrite(str(photograph), astronaut[::-1])
    call = [ONE_STAGE, '--people', '1', '--out', str(out)]
    assert scaling.main(call) == scaling.main([*call, '--image', str(photograph)]) == 0
    assert {row['photograph'] for row in read(out, 'scaling')} == {'astronaut', sha256(photograph)[:12]}


def test_other_versions_are_measured_anew_and_other_devices_kept(fakes, tmp_path, monkeypatch):
    out = tmp_path / 'scaling.json'
    call = [ONE_STAGE, '--people', '1', '--out', str(out)]
    scaling.main(call)
    here = scaling.environment('torch')
    for change, count in ((dict(versions=dict(python='0.1')), 1), (dict(device='another'), 2)):
        fakes.clear()
        monkeypatch.setattr(scaling, 'environment', lambda *modules, change=change: {**here, **change})
        assert scaling.main(call) == 0
        assert fakes and len(read(out, 'scaling')) == count


def test_the_row_tells_how_many_were_found(fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(Fake, 'most', 30)
    out = tmp_path / 'scaling.json'
    scaling.main([ONE_STAGE, POSE, '--detector', NANO, '--people', '8', '64', '--out', str(out)])
    assert {row['people']: row['found'] for row in read(out, 'scaling')} == {8: 8, 64: 30}
    pair, = crossover.crossovers(read(out, 'scaling'))
    assert pair.measured == (8, )


@pytest.mark.parametrize('config, rule', [
    ('td-hm_mobilenetv2_8xb64-210e_coco-256x192', dict(refine='quarter')),
    ('td-hm_hrnet-w32_dark-8xb64-210e_coco-256x192', dict(refine='dark', kernel=11)),
    ('td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192', dict(refine='dark', kernel=11))])
def test_heatmaps_are_decoded_as_the_config_has_it(config, rule):
    system = zoo.find(config)
    found, note = crops._heatmap_rule(zoo.load_config(system).codec, system)
    assert found == rule and ('UDP' in note) == ('udp' in config)


@pytest.mark.slow
def test_a_file_is_decoded_as_its_config_has_it(tmp_path):
    name = 'td-hm_mobilenetv2_8xb64-210e_coco-256x192'
    network = stage(name, tmp_path, 'onnxruntime')
    assert network.estimator.manifest.decode['refine'] == 'quarter'
    # and only timed if it computes what torch does
    model = onnx.load(network.estimator.weights)
    last = next(t for t in model.graph.initializer if t.name.endswith('final_layer.weight'))
    last.CopyFrom(numpy_helper.from_array(1.5 * numpy_helper.to_array(last), last.name))
    onnx.save(model, network.estimator.weights)
    with pytest.raises(AMFACError, match='differ from torch'):
        stage(name, tmp_path, 'onnxruntime')


def test_what_should_run_and_fails_is_told(tmp_path, monkeypatch):
    def broken(system, setting):
        raise RuntimeError('no memory')

    monkeypatch.setattr(scaling, 'open_stage', broken)
    out = tmp_path / 'scaling.json'
    assert scaling.main([ONE_STAGE, '--people', '1', '--out', str(out)]) == 1
    assert read(out, 'scaling')[0]['reason'] == 'RuntimeError: no memory'
    with pytest.raises(AMFACError, match='--people'):
        scaling.main(['--people', '65'])
    with pytest.raises(AMFACError, match='is no detector'):
        scaling.main([POSE, '--detector', ONE_STAGE])


def rows(name, paradigm, detector, times, backend='openvino', **change):
    return [dict(name=name, paradigm=paradigm, detector=detector, backend=backend, threads=2, people=people,
                 picture=[1280, 720], photograph='astronaut', environment=dict(device='cpu'), seconds=seconds,
                 run=f'one {people}', found=people, **change)
            for people, seconds in times.items()]


def test_where_lines_cross():
    first = rows('a', 'td-simcc', 'd', {n: [n, n - 0.5, n + 0.5] for n in (1, 2, 4, 8)})
    second = rows('b', 'one-stage', '', {n: [3, 2.5, 3.5] for n in (1, 2, 4, 8)})
    pair, = crossover.crossovers(first + second)
    # a + 0.5 = 2.5 and a - 0.5 = 3.5
    assert pair.changes == (crossover.Change('b', 3, 2, 4), ) and pair.always == ''
    assert (pair.top_down, pair.detector, pair.one_stage, pair.device) == ('a', 'd', 'b', 'cpu')
    assert pair.told() == 'measured with 1, 2, 4, 8 people: b is faster from 3.0 people on [2.0, 4.0]'


def test_a_system_that_grows_with_the_people_is_overtaken_and_both_changes_are_told():
    first = rows('a', 'td-simcc', 'd', dict(zip((1, 2, 4, 8, 16), [[t] * 3 for t in (3, 5, 6, 7, 8)])))
    grows = rows('b', 'bottom-up', '', dict(zip((1, 2, 4, 8, 16), [[t] * 3 for t in (4, 4, 4, 9, 20)])))
    pair, = crossover.crossovers(first + grows)
    # 3 - 4 = -1 at 1 and 5 - 4 = 1 at 2; 6 - 4 = 2 at 4 and 7 - 9 = -2 at 8
    assert [(change.faster, change.people) for change in pair.changes] == [('b', 1.5), ('a', 6.0)]
    assert pair.always == ''


def test_faster_with_few_and_slower_with_many_is_not_slower_for_all():
    first = rows('a', 'td-simcc', 'd', {n: [5, 4, 6] for n in (1, 2, 4)})
    grows = rows('b', 'bottom-up', '', {n: [3 * n, 3 * n - 1, 3 * n + 1] for n in (1, 2, 4)})
    pair, = crossover.crossovers(first + grows)
    # 3 n = 5; at the earliest where 3 n + 1 = 4, at the latest where 3 n - 1 = 6
    change, = pair.changes
    assert (change.faster, pair.always) == ('a', '')
    assert change.people == pytest.approx(5 / 3) and change.low == 1 and change.high == pytest.approx(7 / 3)


@pytest.mark.parametrize('time, always', [(0.5, 'b'), (9, 'a')])
def test_lines_that_do_not_cross(time, always):
    found = rows('a', 'td-simcc', 'd', {n: [n] * 3 for n in (1, 2, 4)}) + rows(
        'b', 'bottom-up', '', {n: [time] * 3 for n in (1, 2, 4, 8)})
    pair, = crossover.crossovers(found)
    assert pair.always == always and pair.changes == () and pair.measured == (1, 2, 4)
    assert pair.told() == f'measured with 1, 2, 4 people: {always} is faster at all of them'


def test_times_of_two_runs_or_of_fewer_people_are_not_compared():
    first = rows('a', 'td-simcc', 'd', {n: [n] * 3 for n in (1, 2, 4)})
    second = rows('b', 'one-stage', '', {n: [3] * 3 for n in (1, 2, 4)})
    assert next(crossover.crossovers(first + second)).changes[0].people == 3
    other = [{**row, 'run': 'another'} if row['people'] == 4 else row for row in second]
    few = [{**row, 'found': min(row['people'], 3)} for row in second]
    for changed in (other, few):
        pair, = crossover.crossovers(first + changed)
        assert pair.measured == (1, 2) and pair.always == 'a'


def test_only_what_can_be_compared_is():
    first = rows('a', 'td-simcc', 'd', {1: [1] * 3})
    assert not list(crossover.crossovers(first + rows('b', 'one-stage', '', {1: [2] * 3}, 'torch')))
    elsewhere = [{**row, 'environment': dict(device='another')}
                 for row in rows('b', 'one-stage', '', {1: [2] * 3})]
    assert not list(crossover.crossovers(first + elsewhere))
    assert not list(crossover.crossovers(first + rows('b', 'one-stage', '', {2: [2] * 3})))

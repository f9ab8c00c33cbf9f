"""The choice of a model follows from the figures."""

import csv
import json

import pytest

from benchmarks import zoo
from benchmarks.choosing.scenarios import DEVICES
from benchmarks.results import RESULTS, Results, read
from benchmarks.select import DETECTOR, main
from mmpose_amfac.errors import AMFACError

CPU = 'CPU (constructed)'
ENVIRONMENT = dict(device=CPU, commit=None, versions={})
POSE_S, POSE_M = 'rtmpose-s_8xb256-420e_coco-256x192', 'rtmpose-m_8xb256-420e_coco-256x192'
RTMO = 'rtmo-s_8xb32-600e_coco-640x640'


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Put columns of a system into a copy of published.csv, which is then read in its place."""
    path = tmp_path / 'published.csv'
    path.write_text(zoo.PUBLISHED.read_text(encoding='utf-8'), encoding='utf-8')
    monkeypatch.setattr(zoo, 'PUBLISHED', path)

    def change(name, **columns):
        rows = _rows(path)
        next(row for row in rows if row['name'] == name).update(columns)
        with open(path, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        zoo.systems.cache_clear()

    yield change
    zoo.systems.cache_clear()


@pytest.fixture
def ask(capsys):
    """The answer as data, with the exit code."""
    def run(*argv):
        code = main([*map(str, argv), '--json'])
        return dict(json.loads(capsys.readouterr().out), code=code)
    return run


def _rows(path=zoo.PUBLISHED):
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def _names(rows):
    return [row['name'] for row in rows]


def _speed(folder, times, backend='onnxruntime', threads=2, device=CPU, precision='fp32'):
    """Write rows of the kind speed: (name, batch) -> milliseconds, or a reason."""
    rows = []
    for (name, batch), ms in times.items():
        system = zoo.find(name)
        row = dict(id=f'{name} {backend} {threads} {batch} {precision} {device}', name=name,
                   system=system.system, paradigm=system.paradigm, input=list(system.input_size), backend=backend,
                   form='deploy', precision=precision,
                   threads=threads, batch=batch, seed=0, environment=dict(ENVIRONMENT, device=device))
        rows.append(row | (dict(reason=ms) if isinstance(ms, str) else dict(
            ms=[ms, ms, ms], route='mmdeploy', ratio=[ms / 10, ms / 11, ms / 9], rounds=3, warm_up=1, load=0.0,
            provider='CPU', arithmetic='float32', peak_memory_mb=None, scope='network')))
    Results(folder / 'speed.json', 'speed').add(*rows)
    return folder


def _scaling(folder, name, seconds, detector='', threads=2):
    system = zoo.find(name)
    Results(folder / 'scaling.json', 'scaling').add(*(dict(
        id=f'{name} {n} {detector} {threads}', name=name, system=system.system, paradigm=system.paradigm,
        detector=detector, backend='onnxruntime', threads=threads, people=n, picture=[640, 480],
        photograph='astronaut', seed=0, seconds=[s, s, s], rounds=3, run='one', found=n, warm_up=1, load=0.0,
        provider='CPUExecutionProvider', note='',
        environment=ENVIRONMENT)
        for n, s in seconds.items()))


def _accuracy(folder, aps, boxes, flip=False, score_mode=None, id=''):
    protocol = dict(
        annotations='own.json', annotations_sha256='a' * 64, pictures='all', images=9, persons=9, boxes=boxes, poses=9,
        flip_test=flip, iou_type='keypoints', use_area=True, score_mode=score_mode, keypoint_score_thr=None,
        nms_mode=None, backend='torch', precision='float32')
    interval = dict(metric='AP', level=0.95, bounds=[0, 1], resamples=9, seed=0, over='pictures')
    Results(folder / 'accuracy.json', 'accuracy').add(*(dict(
        id=f'{name} {boxes} {flip} {score_mode} {id}', model=name, file='weights.pth', sha256='b' * 64,
        protocol=protocol, metrics=dict(AP=ap, AP50=None, AP75=None, APM=None, APL=None, AR=None), interval=interval,
        environment=ENVIRONMENT) for name, ap in aps.items()))


@pytest.mark.parametrize(('scenario', 'systems'), [
    ('accuracy', ('ViTPose-H', 'ViTPose-L')),
    ('real-time', ('RTMPose-m', 'RTMPose-l')),
    ('edge', ('RTMPose-s', 'RTMPose-t')),
    ('crowd', ('RTMO', 'DEKR')),
])
def test_scenario_recommends_what_the_report_does(ask, scenario, systems):
    found = ask('--scenario', scenario)
    assert found['code'] == 0
    for row in found['answer'][:2]:
        assert row['system'].startswith(systems), row


@pytest.mark.parametrize(('scenario', 'name', 'columns'), [
    ('accuracy', 'td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288', dict(ap='80.1')),
    ('real-time', 'rtmpose-l_8xb256-420e_aic-coco-384x288', dict(i7_11700_ort_ms='33.0')),
    ('edge', 'rtmpose-t_8xb256-420e_aic-coco-256x192', dict(ap='72.3')),
    ('edge', 'td-hm_litehrnet-30_8xb64-210e_coco-256x192', dict(ap='73', sd865_ncnn_fp16_ms='5')),
    ('crowd', 'dekr_hrnet-w48_8xb5-300e_crowdpose-640x640', dict(ap='73.3')),
])
def test_a_changed_figure_changes_the_recommendation(ask, published, scenario, name, columns):
    assert ask('--scenario', scenario)['answer'][0]['name'] != name
    published(name, **columns)
    assert ask('--scenario', scenario)['answer'][0]['name'] == name


def test_options_change_a_scenario(ask):
    assert ask('--scenario', 'edge', '--min-fps', 100)['answer'][0]['system'].startswith('RTMPose-t')


@pytest.mark.parametrize('device', DEVICES)
def test_answer_is_the_pareto_set_of_the_published_table(ask, tmp_path, device):
    """With an empty folder of results every figure is the published one."""
    column, _, per_second = DEVICES[device]
    known = {}
    for row in _rows():
        if row['dataset'] == 'COCO val2017' and row['train_data'].split(' (')[0] == 'COCO' and row['config'] \
                and row['boxes'] and row['ap'] and row[column]:
            ms = 1e3 / float(row[column]) if per_second else float(row[column])
            known[row['name']] = -float(row['ap']), ms, float(row['params_m'] or 'inf')
    best = {a for a, mine in known.items() if not any(
        other != mine and all(x <= y for x, y in zip(other, mine, strict=True)) for other in known.values())}
    found = ask('--device', device, '--results', tmp_path)
    assert set(_names(found['answer'])) == best
    assert [row['ap']['value'] for row in found['answer']] == sorted((-known[n][0] for n in best), reverse=True)
    assert all(row['ms']['source'].startswith('published') for row in found['answer'])


def test_time_of_a_picture_is_detector_and_poses(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 10.0, (RTMO, 1): 40.0})
    found = ask('--people', 6, '--results', tmp_path)
    assert {row['name']: row['ms']['value'] for row in found['answer']} == {POSE_M: 65.0, POSE_S: 29.0}
    # one-stage time does not grow, so that a crowd turns the order round
    crowd = ask('--people', 20, '--results', tmp_path, '--min-fps', 20)
    assert _names(crowd['answer']) == [RTMO] and crowd['answer'][0]['ms']['value'] == 40.0
    assert ask('--people', 6, '--results', tmp_path, '--min-fps', 30)['answer'][0]['name'] == POSE_S


def test_published_time_with_a_detector(ask, tmp_path):
    found = ask('--device', 'rtx3090-trt-fp16', '--detector', 'rtmdet_m_8xb32-300e_coco', '--people', 4,
                '--results', tmp_path)
    times = {row['name']: row['ms']['value'] for row in found['answer']}
    assert times[POSE_M] == pytest.approx(1.62 + 4 * 1.18) and times[POSE_S] == pytest.approx(1.62 + 4 * 1.12)
    assert 'poses alone' not in found['device']
    assert 'poses alone' in ask('--device', 'rtx3090-trt-fp16', '--people', 4, '--results', tmp_path)['device']


def test_other_arithmetic_and_other_devices_do_not_count(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0})
    _speed(tmp_path, {(POSE_S, 1): 1.0, (POSE_M, 1): 1.0}, precision='int8')
    _speed(tmp_path, {(DETECTOR, 1): 0.1, (POSE_S, 1): 0.1, (POSE_M, 1): 0.1}, device='A GPU')
    found = ask('--results', tmp_path)
    assert [row['ms']['value'] for row in found['answer']] == [9.0]
    assert f'measured on {CPU}, not here' in found['device']
    # the file order of the devices is of no matter, and each can be asked for
    (tmp_path / 'turned').mkdir()
    _speed(tmp_path / 'turned', {(DETECTOR, 1): 0.1, (POSE_S, 1): 0.1, (POSE_M, 1): 0.1}, device='A GPU')
    _speed(tmp_path / 'turned', {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0})
    assert ask('--results', tmp_path / 'turned')['answer'] == found['answer']
    gpu = ask('--results', tmp_path, '--device', 'a gpu')
    assert gpu['answer'][0]['ms']['value'] == pytest.approx(0.2) and 'on A GPU' in gpu['device']
    _speed(tmp_path, {(POSE_S, 1): 1.0}, device='CPU (another)')
    with pytest.raises(AMFACError, match=r'--device cpu must name one of .*CPU \(constructed\); CPU \(another\)'):
        main(['--results', str(tmp_path)])
    with pytest.raises(AMFACError, match='--device A TPU must name one of'):
        main(['--results', str(tmp_path), '--device', 'A TPU'])


def test_systems_with_one_network_share_its_time(ask, tmp_path):
    (tmp_path / 'complexity.json').write_bytes((RESULTS / 'complexity.json').read_bytes())
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_M, 1): 10.0})
    best = ask('--results', tmp_path, '--training', 'combined')['answer'][0]
    assert best['name'] == 'rtmpose-m_8xb256-420e_aic-coco-256x192' and best['ms']['value'] == 15.0
    assert f'measured as {POSE_M}, the same network' in best['ms']['source']


def test_batches_count_where_they_are_faster(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_S, 4): 10.0, (POSE_M, 1): 10.0, (POSE_M, 4): 48.0})
    times = {row['name']: row['ms']['value'] for row in ask('--people', 6, '--results', tmp_path)['answer']}
    # one full batch of 4, then 2 of a batch between 1 (4 ms) and 4 (10 ms); M is faster one by one
    assert times == {POSE_S: pytest.approx(5 + 10 + 6), POSE_M: pytest.approx(5 + 60)}


def test_pictures_and_sums_are_two_rankings(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 10.0})
    _scaling(tmp_path, POSE_S, {1: 0.010, 5: 0.050}, DETECTOR)
    # another number of threads, and without the detector
    _scaling(tmp_path, POSE_S, {1: 0.001, 3: 0.003, 5: 0.005}, DETECTOR, threads=1)
    _scaling(tmp_path, POSE_S, {1: 0.002, 3: 0.006, 5: 0.010})
    sums = ask('--people', 3, '--results', tmp_path)
    assert {row['name']: row['ms']['value'] for row in sums['answer']} == {POSE_M: 35.0, POSE_S: 17.0}
    assert all(row['ms']['source'].startswith('sum of medians') for row in sums['answer'])
    assert 'networks alone' in sums['device']
    whole = ask('--people', 3, '--results', tmp_path, '--end-to-end', '--threads', 2)
    assert {row['name']: row['ms']['value'] for row in whole['answer']} == {POSE_S: pytest.approx(30.0)}
    assert whole['answer'][0]['ms']['source'].startswith('interpolated between measured numbers of people')
    assert 'from picture to poses' in whole['device'] and whole['left_out'][POSE_M].startswith('not measured')
    assert ask('--people', 5, '--results', tmp_path, '--end-to-end',
               '--threads', 2)['answer'][0]['ms']['source'] == 'measured (from picture to poses)'
    # more people than were measured are not guessed from the curve
    beyond = ask('--people', 6, '--results', tmp_path, '--end-to-end', '--threads', 2)
    assert not beyond['answer'] and '1 to 5 people only' in beyond['left_out'][POSE_S]


def test_a_network_for_other_joints_has_its_time(ask, tmp_path):
    _scaling(tmp_path, RTMO, {20: 0.2})
    _scaling(tmp_path, POSE_M, {20: 0.3}, DETECTOR)
    found = ask('--scenario', 'crowd', '--device', 'cpu', '--end-to-end', '--results', tmp_path)
    best = {row['name']: row['ms'] for row in found['answer']}
    assert {name: ms['value'] for name, ms in best.items()} == {
        'rtmpose-m_8xb64-210e_crowdpose-256x192': 300.0, 'rtmo-s_8xb32-700e_crowdpose-640x640': 200.0}
    assert all(ms['source'].endswith('the same network') for ms in best.values())


def test_quotients_of_times_are_those_of_a_round(tmp_path, capsys):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 10.0})
    assert main(['--results', str(tmp_path), '--people', '2']) == 0
    said = capsys.readouterr().out
    assert 'less time (13 against 25 ms; network 0.40 [0.36, 0.44] against 1.00 [0.91, 1.11] times RTMPose-m)' in said
    assert 'times as fast' not in said


def test_the_back_end_of_most_models_is_taken_and_torch_last(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 10.0})
    _speed(tmp_path, {(DETECTOR, 1): 1.0, (POSE_S, 1): 1.0}, backend='openvino')
    assert 'onnxruntime' in ask('--results', tmp_path)['device']
    assert _names(ask('--results', tmp_path, '--backend', 'openvino')['answer']) == [POSE_S]
    # torch has most models, but a file is what one takes
    _speed(tmp_path, {(DETECTOR, 1): 1.0, (POSE_S, 1): 1.0, (POSE_M, 1): 1.0, (RTMO, 1): 1.0}, backend='eager')
    assert 'onnxruntime' in ask('--results', tmp_path)['device']
    with pytest.raises(AMFACError, match='--backend torch .*--backend eager --threads 2'):
        main(['--results', str(tmp_path), '--backend', 'torch'])


def test_the_crowd_is_no_matter_of_the_paradigm(ask):
    """All paradigms are candidates; with fewer people the arithmetic of a top-down model is the smaller one."""
    def answer(people):
        found = ask('--scenario', 'crowd', '--people', people)
        return {row['name']: row['work']['value'] for row in found['answer']}

    many, few = answer(20), answer(2)
    pose, stage = 'rtmpose-m_8xb64-210e_crowdpose-256x192', 'rtmo-s_8xb32-700e_crowdpose-640x640'
    assert many[stage] == few[stage] and many[pose] > many[stage] and few[pose] < few[stage]
    rows = read(RESULTS / 'complexity.json', 'complexity')
    counted = {row['name']: row['macs'] / 1e9 for row in rows if 'macs' in row}
    assert many[pose] == pytest.approx(counted[DETECTOR] + 20 * counted[pose])


def test_measured_ap_is_never_beside_published(ask, tmp_path):
    _accuracy(tmp_path, {POSE_S: 0.5, POSE_M: 0.6}, dict(source='ground truth'))
    _accuracy(tmp_path, {POSE_S: 0.4}, dict(source='detector', file='d.onnx'))
    _accuracy(tmp_path, {RTMO: 0.7}, dict(source='none'))
    found = ask('--device', 'none', '--results', tmp_path, '--dataset', 'ground truth')
    # RTMO needs no boxes: it stands beside those with boxes of either kind
    assert [(row['name'], row['ap']['value']) for row in found['answer']] == [
        (RTMO, 70.0), (POSE_M, 60.0), (POSE_S, 50.0)]
    assert all(row['ap']['source'] == 'measured (weights.pth)' for row in found['answer'])
    assert _names(ask('--device', 'none', '--results', tmp_path, '--dataset', 'd.onnx')['answer']) == [RTMO, POSE_S]
    # other rules of the score are another protocol
    _accuracy(tmp_path, {POSE_S: 0.9}, dict(source='ground truth'), score_mode='keypoint')
    assert [row['ap']['value'] for row in ask(
        '--device', 'none', '--results', tmp_path, '--dataset', 'score: keypoint')['answer']] == [90.0]
    with pytest.raises(AMFACError, match='one protocol: .*ground truth.*detector d.onnx'):
        main(['--device', 'none', '--results', str(tmp_path), '--dataset', 'own.json'])
    _accuracy(tmp_path, {RTMO: 0.6}, dict(source='none'), id='again')
    with pytest.raises(AMFACError, match='several APs in one protocol .*again'):
        main(['--device', 'none', '--results', str(tmp_path), '--dataset', 'd.onnx'])
    assert 'own.json' not in ask('--device', 'none', '--results', tmp_path)['protocol']


@pytest.mark.parametrize(('training', 'ap'), [('own', 75.8), ('combined', 77.3), ('any', 78.8)])
def test_more_training_data_is_asked_for(ask, training, ap):
    best = ask('--device', 'none', '--paradigm', 'td-simcc', '--training', training)['answer'][0]
    assert best['ap']['value'] == ap and best['system'].startswith('RTMPose')


def test_reasons_of_what_is_left_out(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 'no such operator'})
    out = ask('--results', tmp_path)['left_out']
    assert out[POSE_M] == 'no such operator'
    assert out['rtmpose-m_8xb256-420e_body8-256x192'].endswith('(--training any)')
    assert 'which boxes' in out['amfacpose_r34_1xb32-140e_coco-384x288']
    assert out['published_vitpose-h-official-256x192-coco'] == 'only figures are known, there is no model'


def test_no_model_is_an_exit_code_with_the_limit_and_the_nearest(tmp_path, capsys):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 36.0})
    assert main(['--results', str(tmp_path), '--min-fps', '30', '--min-ap', '74']) == 1
    said = capsys.readouterr().out
    assert 'RTMPose-s 256x192 (AP 71.6) would need 71.6 AP, 2.4 under; RTMPose-m' in said
    assert 'RTMPose-m 256x192 (AP 74.6) would need 41 ms, 7.67 over' in said
    assert main(['--results', str(tmp_path), '--max-params', '4', '--min-ap', '70']) == 1
    assert '--max-params is the tightest' in capsys.readouterr().out


def test_only_what_would_be_better_is_a_near_miss(ask, tmp_path):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 30.0, (POSE_M, 1): 10.0, (RTMO, 1): 40.0})
    found = ask('--results', tmp_path, '--min-fps', 30)
    assert _names(found['answer']) == [POSE_M] and found['misses'] == []


def test_text_tells_what_is_measured(tmp_path, capsys):
    _speed(tmp_path, {(DETECTOR, 1): 5.0, (POSE_S, 1): 4.0, (POSE_M, 1): 10.0})
    assert main(['--results', str(tmp_path), '--max-params', '10']) == 0
    said = capsys.readouterr().out
    assert ('AP published (detector boxes, flip test); time sum of medians (detector 5.0 + poses 4.0 ms), measured, '
            'network alone;') in said
    assert 'params published' in said and 'nearest misses: RTMPose-m 256x192' in said


@pytest.mark.parametrize(('argv', 'message'), [
    (['--device', 'none', '--dataset', 'nothing'], "'COCO val2017'"),
    (['--device', 'none', '--detector', POSE_S], 'is no detector'),
    (['--people', '0'], '--people=0'),
    (['--min-fps', '-1'], '--min-fps'),
    (['--device', 'none', '--min-fps', '3'], 'needs a --device'),
    (['--device', 'arithmetic', '--end-to-end'], 'needs a --device'),
    (['--results', '/nowhere'], 'is not a folder'),
])
def test_wrong_calls(argv, message):
    with pytest.raises(AMFACError, match=message):
        main(argv)

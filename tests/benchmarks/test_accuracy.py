"""``benchmarks.accuracy``: its scores are those of pycocotools, and no figure stands without its protocol."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest

from benchmarks import accuracy, zoo
from benchmarks.results import Results, read
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.skeletons import COCO17

CONFIG = 'configs/real_data/amfacpose_r18_real-128x96.py'
WEIGHTS = 'mmpose_amfac/weights/amfacpose_r18_128x96.pth'
RTMO = 'rtmo-t_8xb32-600e_body7-416x416'


@pytest.fixture(scope='module')
def coco_full(shared, tmp_path_factory):
    from tools.prepare_real_data import unpack
    out = tmp_path_factory.mktemp('full')
    assert unpack(shared / 'data', out, only=['coco_full'])
    return out


@pytest.fixture
def few(real_data, tmp_path):
    """Annotations of the first 20 pictures of coco_dev."""
    content = json.loads((real_data / 'coco_dev.json').read_text())
    content['images'] = content['images'][:20]
    ids = {image['id'] for image in content['images']}
    content['annotations'] = [a for a in content['annotations'] if a['image_id'] in ids]
    path = tmp_path / 'few.json'
    path.write_text(json.dumps(content))
    return path


def people(joints=17, pictures=30, areas=(1500.0, 4000.0, 20000.0, 60000.0), seed=0):
    """Annotations with crowd regions, unlabelled persons and several areas, and results that miss some pictures."""
    rng = np.random.default_rng(seed)
    images, annotations, results = [], [], []
    for i in range(pictures):
        images.append(dict(id=i + 1, file_name=f'{i}.jpg', width=640, height=480))
        for _ in range(rng.integers(1, 5)):
            area = float(rng.choice(areas))
            side = area**0.5
            corner = rng.uniform(0, 300, 2)
            points = np.round(corner + rng.uniform(0, side, (joints, 2)))
            seen = rng.choice([0, 1, 2], joints, p=[0.3, 0.1, 0.6]) * (rng.random() > 0.1)
            annotations.append(dict(
                id=len(annotations) + 1, image_id=i + 1, category_id=1, iscrowd=int(rng.random() < 0.1), area=area,
                bbox=[*corner.tolist(), side, side], num_keypoints=int((seen > 0).sum()),
                keypoints=np.c_[points, seen].ravel().tolist()))
            if i % 5:
                moved = points + rng.normal(0, side * rng.choice([0.01, 0.05, 0.2]), (joints, 2))
                results.append(dict(image_id=i + 1, category_id=1, score=float(rng.random()),
                                    keypoints=np.c_[moved, np.ones(joints)].ravel().tolist()))
        if i % 3:
            stray = rng.uniform(0, 400, (joints, 2))
            results.append(dict(image_id=i + 1, category_id=1, score=float(rng.random()),
                                keypoints=np.c_[stray, np.ones(joints)].ravel().tolist()))
    return dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')]), results


def written(folder, content, results):
    truth, found = folder / 'truth.json', folder / 'found.json'
    truth.write_text(json.dumps(content))
    found.write_text(json.dumps(results))
    return [str(found), '--ann', str(truth), '--images', str(folder), '--out', str(folder / 'accuracy.json')]


def only_row(folder):
    row, = read(folder / 'accuracy.json', 'accuracy')
    return row


def by_pycocotools(content, results, sigmas=COCO17.sigmas):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(content)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), 'keypoints')
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize('seed', range(3))
def test_results_of_others_get_the_scores_of_pycocotools(tmp_path, seed):
    content, results = people(seed=seed)
    assert accuracy.main(written(tmp_path, content, results)) == 0
    row, stats = only_row(tmp_path), by_pycocotools(content, results)
    assert list(row['metrics'].values()) == pytest.approx([*stats[:5], stats[5]], abs=1e-6)
    assert 0.05 < row['metrics']['AP'] < 0.9 and row['model'] == 'found.json'
    assert row['interval']['bounds'][0] < row['metrics']['AP'] < row['interval']['bounds'][1]
    assert row['protocol']['boxes'] == {'source': 'unknown'} and row['protocol']['flip_test'] is None


def test_an_area_without_persons_has_no_figure(tmp_path, capsys):
    content, results = people(areas=(20000.0, 60000.0))
    assert by_pycocotools(content, results)[3] == -1
    accuracy.main(written(tmp_path, content, results))
    assert only_row(tmp_path)['metrics']['APM'] is None and only_row(tmp_path)['metrics']['APL'] > 0
    assert 'APM -' in capsys.readouterr().out


def test_pictures_of_some_field_only(tmp_path):
    content, results = people()
    for image in content['images']:
        image['place'] = 'beach' if image['id'] % 2 else 'street'
    accuracy.main([*written(tmp_path, content, results), '--pictures', 'place=beach'])
    part = copy.deepcopy(content)
    part['images'] = [image for image in content['images'] if image['id'] % 2]
    part['annotations'] = [a for a in content['annotations'] if a['image_id'] % 2]
    stats = by_pycocotools(part, [r for r in results if r['image_id'] % 2])
    assert only_row(tmp_path)['metrics']['AP'] == pytest.approx(stats[0], abs=1e-6)
    assert only_row(tmp_path)['protocol']['pictures'] == 'place=beach'
    assert only_row(tmp_path)['protocol']['images'] == 15


def test_crowdpose_goes_by_its_own_rules(tmp_path):
    """14 joints, areas from boxes, three levels of crowding."""
    from mmpose.datasets.datasets import CrowdPoseDataset
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    sigmas = parse_pose_metainfo(CrowdPoseDataset.METAINFO)['sigmas']
    content, results = people(joints=14)
    for image in content['images']:
        image['crowdIndex'] = image['id'] / 30
    accuracy.main(written(tmp_path, content, results))
    row = only_row(tmp_path)
    by_box = copy.deepcopy(content)
    for annotation in by_box['annotations']:
        annotation['area'] = 0.53 * annotation['bbox'][2] * annotation['bbox'][3]
    assert row['metrics']['AP'] == pytest.approx(by_pycocotools(by_box, results, sigmas)[0], abs=1e-6)
    assert row['metrics']['APM'] is None
    easy = copy.deepcopy(by_box)
    easy['images'] = [image for image in easy['images'] if image['crowdIndex'] < 0.2]
    ids = {image['id'] for image in easy['images']}
    easy['annotations'] = [a for a in easy['annotations'] if a['image_id'] in ids]
    stats = by_pycocotools(easy, [r for r in results if r['image_id'] in ids], sigmas)
    assert row['metrics']['AP_easy'] == pytest.approx(stats[0], abs=6e-5)
    assert row['protocol']['iou_type'] == 'keypoints_crowd' and row['protocol']['use_area'] is False


def test_no_figure_without_the_whole_protocol(tmp_path):
    accuracy.main(written(tmp_path, *people()))
    row = only_row(tmp_path)
    for key in row['protocol']:
        less = {**row, 'protocol': {k: v for k, v in row['protocol'].items() if k != key}}
        with pytest.raises(AMFACError, match=f"'{key}' is a required property"):
            Results(tmp_path / 'other.json', 'accuracy').add(less)
    for key in ('protocol', 'interval', 'sha256'):
        with pytest.raises(AMFACError, match=f"'{key}' is a required property"):
            Results(tmp_path / 'other.json', 'accuracy').add({k: v for k, v in row.items() if k != key})


def test_rows_that_are_there_are_kept_until_the_weights_change(tmp_path, monkeypatch):
    content, results = people()
    arguments = written(tmp_path, content, results)
    accuracy.main(arguments)
    first = only_row(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(accuracy, 'measure', lambda *_: pytest.fail('measured again'))
        assert accuracy.main(arguments) == 0
    written(tmp_path, content, results[:20])
    accuracy.main(arguments)
    # other results under the same name stand beside them
    same, fewer = read(tmp_path / 'accuracy.json', 'accuracy')
    assert same == first and fewer['metrics']['AP'] < first['metrics']['AP']
    # one that was made with other versions is made again, and so is one without figures
    rows = Results(tmp_path / 'accuracy.json', 'accuracy')
    old = dict(first['environment'], versions=dict(first['environment']['versions'], numpy='0.1'))
    rows.add({**first, 'environment': old}, dict(id=fewer['id'], model='found.json', reason='x', environment=old))
    written(tmp_path, content, results)
    accuracy.main(arguments)
    written(tmp_path, content, results[:20])
    accuracy.main(arguments)
    assert read(tmp_path / 'accuracy.json', 'accuracy') == [same, fewer]


@pytest.mark.parametrize('change, message', [
    (lambda content: content.pop('images'), 'has no lists images, annotations and categories'),
    (lambda content: content['annotations'][0].pop('bbox'), r'annotations\[0\] has no bbox'),
    (lambda content: content['annotations'][0].pop('area'), r'annotations\[0\] has no area'),
    (lambda content: content['annotations'][0].pop('image_id'), r'annotations\[0\] has no image_id'),
    (lambda content: content['annotations'][0].pop('category_id'), r'annotations\[0\] has no category_id'),
    (lambda content: content['images'][0].pop('file_name'), r'images\[0\] has no file_name'),
    (lambda content: [a.update(num_keypoints=0) for a in content['annotations']], 'no person of these pictures'),
    (lambda content: content['categories'].append(dict(id=2, name='dog')), 'one of categories must have'),
])
def test_wrong_annotations_end_the_call(tmp_path, change, message):
    content, results = people()
    change(content)
    with pytest.raises(AMFACError, match=message):
        accuracy.main(written(tmp_path, content, results))


@pytest.mark.parametrize('change, message', [
    (dict(image_id=999), '[3].image_id=999 is not a picture of'),
    (dict(keypoints=[1, 2, 3]), '[3].keypoints must be 51 numbers'),
    (None, '[3] must have image_id, category_id, keypoints and score'),
])
def test_wrong_results_are_a_row_with_the_reason(tmp_path, change, message):
    content, results = people()
    results[3] = {**results[3], **change} if change else {}
    assert accuracy.main(written(tmp_path, content, results)) == 1
    assert message in only_row(tmp_path)['reason'] and 'metrics' not in only_row(tmp_path)


@pytest.mark.parametrize('arguments, message', [
    (['missing.onnx'], 'missing.onnx does not exist'),
    (['rtmpose-x9'], "'rtmpose-x9' is not known; nearest"),
    (['amfacpose', '--checkpoint', 'a.pth'], '--checkpoint belongs to a system'),
    (['amfacpose', RTMO, '--poses-out', 'p.json'], '--poses-out belongs to one MODEL, 2 are given'),
    (['amfacpose', '--boxes', 'yolo'], '--boxes yolo must be gt'),
    (['amfacpose'], 'amfacpose takes boxes: give --boxes'),
    (['td-hm_res50_8xb64-210e_coco-256x192'], 'takes boxes: give --boxes'),
    (['td-hm_res50_8xb64-210e_coco-256x192', '--backend', 'openvino'], '--backend is nothing for td-hm_res50'),
    ([RTMO, '--manifest', 'm.json'], '--manifest is nothing for rtmo'),
    (['amfacpose', '--boxes', 'gt', '--limit', '0'], '--limit=0 must be an integer'),
    (['amfacpose', '--pictures', 'place=moon'], "no picture whose 'place' is 'moon'"),
    ([RTMO, '--checkpoint', 'missing.pth'], '--checkpoint missing.pth does not exist'),
])
def test_wrong_calls_write_nothing(tmp_path, arguments, message):
    more = written(tmp_path, *people())[1:]
    with pytest.raises(AMFACError, match=message):
        accuracy.main([*arguments, *more])
    assert not (tmp_path / 'accuracy.json').exists()


def test_results_take_no_options_of_a_model(tmp_path):
    arguments = written(tmp_path, *people())
    for option in (['--flip'], ['--backend', 'openvino'], ['--device', 'cpu'], ['--manifest', 'm.json']):
        with pytest.raises(AMFACError, match=f'{option[0]} is nothing for'):
            accuracy.main([*arguments, *option])


def test_settings_that_are_no_option_have_rows_of_their_own(root, real_data, few, tmp_path, monkeypatch):
    """The manifest beside a file, pictures of the same names, and files of the same name in two folders."""
    from shutil import copy
    calls = []
    monkeypatch.setattr(accuracy, 'measure', lambda task, model, out: calls.append(model) or 1 / 0)
    content = json.loads(few.read_text())
    content['images'] = content['images'][:2]
    few.write_text(json.dumps(content))
    for folder in ('one', 'two'):
        for entry in content['images']:
            path = tmp_path / folder / entry['file_name']
            path.parent.mkdir(parents=True, exist_ok=True)
            copy(real_data / entry['file_name'], path)
        copy(root / 'mmpose_amfac/weights/amfacpose_r18_128x96.onnx', tmp_path / folder / 'end2end.onnx')
    out = tmp_path / 'accuracy.json'

    def run(folder, images='one'):
        assert accuracy.main([str(tmp_path / folder / 'end2end.onnx'), '--ann', str(few), '--boxes', 'gt', '--images',
                              str(tmp_path / images), '--out', str(out)]) == 1
        return read(out, 'accuracy')

    assert len(run('one')) == len(run('two')) == 1
    assert 'ZeroDivisionError: division by zero' in run('one')[0]['reason']
    (tmp_path / 'one/end2end.onnx.json').write_text('{"padding": 1.1}')
    assert len(run('one')) == 2
    with open(tmp_path / 'two/end2end.onnx', 'ab') as file:
        file.write(b'x')
    assert len(run('two')) == 3
    copy(tmp_path / 'two' / content['images'][1]['file_name'], tmp_path / 'two' / content['images'][0]['file_name'])
    assert len(run('one', 'two')) == 4 and len(calls) == 6


def test_what_cannot_run_has_the_reason(tmp_path, monkeypatch):
    """Missing weights and operators are no faults; a broken file is one, and the others still get their rows."""
    monkeypatch.setattr(zoo, 'fetch', lambda address, remedy, offline: (_ for _ in ()).throw(AMFACError('no network')))
    broken = tmp_path / 'broken.onnx'
    broken.write_text('text')
    content, results = people()
    for image in content['images']:
        (tmp_path / image['file_name']).write_bytes(b'')
    arguments = written(tmp_path, content, results)
    out = ['--weights', str(tmp_path), *arguments[1:], '--boxes', 'gt']
    assert accuracy.main(['dekr_hrnet-w32_8xb10-140e_coco-512x512', RTMO, *out]) == 0
    assert accuracy.main([str(broken), arguments[0], *out]) == 1
    rows = read(tmp_path / 'accuracy.json', 'accuracy')
    assert [row.get('reason', '')[-40:] for row in rows[:2]] == [
        'operator DeformConv2d of a compiled mmcv'[-40:], 'no network']
    assert 'broken.onnx' in rows[2]['reason'] and rows[3]['metrics']['AP'] > 0


@pytest.mark.slow
def test_torch_and_onnx_give_the_same_poses(root, real_data, few, tmp_path):
    """The packaged network: its checkpoint by TorchEstimator, and its ONNX file by the runtime."""
    more = ['--ann', str(few), '--images', str(real_data), '--boxes', 'gt', '--out', str(tmp_path / 'accuracy.json')]
    paths = [tmp_path / name for name in ('file.json', 'torch.json')]
    assert accuracy.main(['amfacpose', *more, '--poses-out', str(paths[0])]) == 0
    assert accuracy.main([str(root / CONFIG), '--checkpoint', str(root / WEIGHTS), *more,
                          '--poses-out', str(paths[1])]) == 0
    onnx, torch = read(tmp_path / 'accuracy.json', 'accuracy')
    assert onnx['metrics'] == pytest.approx(torch['metrics'], abs=2e-3) and onnx['metrics']['AP'] > 0.05
    assert torch['protocol']['backend'].startswith('torch') and torch['file'] == 'amfacpose_r18_128x96.pth'
    assert onnx['protocol']['boxes'] == torch['protocol']['boxes'] == {'source': 'ground truth'}
    ours, theirs = (np.array([r['keypoints'] for r in json.loads(path.read_text())]).reshape(-1, 17, 3)
                    for path in paths)
    # the file has float16 weights
    away = np.linalg.norm(ours[..., :2] - theirs[..., :2], axis=-1)
    assert np.median(away) < 0.01 and (away < 0.2).mean() > 0.98
    assert np.abs(ours[..., 2] - theirs[..., 2]).max() < 0.01


@pytest.mark.slow
def test_mmpose_runs_a_top_down_network_like_us(root, real_data, few):
    """MMPose's own pipeline, decoding and flip test against our estimator."""
    from benchmarks.models.boxes import open_boxes
    from benchmarks.models.mmpose_model import MMPoseModel
    from benchmarks.scoring.coco_ap import read_annotations
    from mmpose_amfac.apis import TorchEstimator
    from mmpose_amfac.apis.sources import read_image
    content = read_annotations(few)
    entries = content['images'][:6]
    pictures = [read_image(real_data / entry['file_name']) for entry in entries]
    boxes, scores = map(list, zip(*map(open_boxes('gt', content), entries, pictures)))
    system = zoo.of_config(root / CONFIG)
    for flip in (False, True):
        model = MMPoseModel(system, zoo.load_config(system), root / WEIGHTS, flip, 'cpu')
        found = model.predict(pictures, [entry['id'] for entry in entries], boxes, scores, 1)
        ours = TorchEstimator(str(root / CONFIG), root / WEIGHTS, 'cpu', flip=flip)(pictures, boxes)
        ours = [r for entry, poses in zip(entries, ours) for r in poses.to_coco(entry['id'])]
        assert [r['image_id'] for r in found] == [r['image_id'] for r in ours] and len(found) >= 6
        np.testing.assert_allclose([r['keypoints'] for r in found], [r['keypoints'] for r in ours], atol=0.02)
        np.testing.assert_allclose([r['score'] for r in found], [r['score'] for r in ours], atol=1e-3)


@pytest.mark.slow
def test_one_stage_network_needs_no_boxes(real_data, few, tmp_path):
    """RTMO with random weights that are sure of everything: its poses are those of MMPose, ranked by the box."""
    import torch
    from mmengine.config import Config
    from mmpose.apis import inference_bottomup, init_model
    torch.manual_seed(0)
    network = zoo.build(zoo.find(RTMO))
    state = network.state_dict()
    for name, value in state.items():
        # untrained, the sizes of boxes overflow and no score is above the threshold
        if name.startswith('head.head_module.') and 'conv_' not in name:
            value.mul_(0.01) if name.endswith('weight') else value.zero_()
    checkpoint, out = tmp_path / 'rtmo.pth', tmp_path / 'accuracy.json'
    torch.save(dict(state_dict=state), checkpoint)
    content = json.loads(few.read_text())
    content['images'] = content['images'][:2]
    few.write_text(json.dumps(content))
    more = [RTMO, '--checkpoint', str(checkpoint), '--ann', str(few), '--images', str(real_data), '--out', str(out)]
    assert accuracy.main([*more, '--poses-out', str(tmp_path / 'poses.json')]) == 0
    row = only_row(tmp_path)
    # not the published weights of this name
    assert row['model'].startswith(f'{RTMO}@')
    assert row['protocol']['boxes'] == {'source': 'none'} and row['protocol']['score_mode'] == 'bbox'
    poses = json.loads((tmp_path / 'poses.json').read_text())
    assert len(poses) == row['protocol']['poses'] > 2
    model = init_model(Config.fromfile(zoo.config_file(zoo.find(RTMO))), str(checkpoint), 'cpu',
                       dict(model=dict(backbone=dict(init_cfg=None))))
    first = content['images'][0]
    wanted = inference_bottomup(model, str(real_data / first['file_name']))[0].pred_instances
    found = [r for r in poses if r['image_id'] == first['id']]
    np.testing.assert_allclose([r['score'] for r in found], wanted.bbox_scores, rtol=1e-5)
    np.testing.assert_allclose(np.reshape([r['keypoints'] for r in found], (-1, 17, 3))[..., :2], wanted.keypoints,
                               rtol=1e-4, atol=1e-2)
    assert accuracy.main([*more, '--flip']) == 0
    assert 'no flip test' in read(out, 'accuracy')[1]['reason']


def test_boxes_of_a_file(real_data, few, tmp_path):
    """Detections that are the annotated boxes give the figure of the annotated boxes; lower scores only rank."""
    content = json.loads(few.read_text())
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([dict(image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=0.5)
                                for a in content['annotations']]))
    more = ['amfacpose', '--ann', str(few), '--images', str(real_data), '--out', str(tmp_path / 'accuracy.json')]
    for boxes in ('gt', str(path)):
        assert accuracy.main([*more, '--boxes', boxes]) == 0
    given, listed = read(tmp_path / 'accuracy.json', 'accuracy')
    assert given['metrics'] == listed['metrics']
    assert listed['protocol']['boxes']['file'] == 'boxes.json' and len(listed['protocol']['boxes']['sha256']) == 64
    path.write_text(json.dumps([dict(image_id=-1, category_id=1, bbox=[0, 0, 9, 9], score=0.5)]))
    with pytest.raises(AMFACError, match=r'has no box of a person \(category_id 1\) for any of these pictures'):
        accuracy.main([*more, '--boxes', str(path)])


@pytest.mark.slow
@pytest.mark.parametrize('flip, by_all, by_sure', [(False, 0.658, 0.659), (True, 0.671, 0.673)])
def test_tinypose_on_whole_pictures(shared, coco_full, tmp_path, flip, by_all, by_sure):
    """Geometry, flip averaging and DARK: the AP that another implementation had, and persons ranked in two ways."""
    out, poses = tmp_path / 'accuracy.json', tmp_path / 'poses.json'
    more = ['--ann', str(coco_full / 'coco_full.json'), '--images', str(coco_full), '--out', str(out)]
    assert accuracy.main([str(shared / 'models/tinypose_256x192_heatmap.onnx'), *more, '--boxes', 'gt',
                          '--poses-out', str(poses), *['--flip'] * flip]) == 0
    results = json.loads(poses.read_text())
    assert len(results) == 428
    # what was written is scored the same, and still knows how it was made
    assert accuracy.main([str(poses), *more]) == 0
    for result in results:
        result['score'] = float(np.mean(result['keypoint_scores']))
    (tmp_path / 'by_all.json').write_text(json.dumps(results))
    assert accuracy.main([str(tmp_path / 'by_all.json'), *more]) == 0
    made, read_again, ranked = read(out, 'accuracy')
    assert made['metrics']['AP'] == pytest.approx(by_sure, abs=0.002)
    assert ranked['metrics']['AP'] == pytest.approx(by_all, abs=0.002)
    assert read_again['metrics'] == made['metrics'] and read_again['protocol'] == made['protocol']
    assert made['protocol']['flip_test'] is flip and ranked['protocol']['flip_test'] is None


@pytest.mark.slow
def test_detector_and_a_file_with_other_padding(shared, coco_full, tmp_path):
    """The real detector on the pictures that our weights have not seen; a manifest of single fields."""
    models = shared / 'models'
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(json.dumps(dict(padding=1.1, decode=dict(rule='heatmap', kernel=3))))
    more = ['--ann', str(coco_full / 'coco_full.json'), '--images', str(coco_full), '--out',
            str(tmp_path / 'accuracy.json'), '--pictures', 'crops_in=coco_dev']
    small = [str(models / 'tinypose_128x96_heatmap.onnx'), *more]
    assert accuracy.main([*small, '--boxes', str(models / 'rtmdet_nano_person.onnx')]) == 0
    assert accuracy.main([*small, '--boxes', 'gt']) == 0
    assert accuracy.main([*small, '--boxes', 'gt', '--manifest', str(manifest)]) == 0
    found, plain, padded = read(tmp_path / 'accuracy.json', 'accuracy')
    assert found['protocol']['boxes']['file'] == 'rtmdet_nano_person.onnx'
    assert (found['protocol']['boxes']['score_thr'], found['protocol']['boxes']['most']) == (0.05, 20)
    assert 0.35 < found['metrics']['AP'] < plain['metrics']['AP'] < padded['metrics']['AP'] < 0.65
    assert (padded['padding'], padded['decode']['kernel']) == (1.1, 3)
    assert found['protocol']['images'] == 54 and found['protocol']['persons'] == 125


def test_boxes_are_those_of_persons_in_the_picture_of_the_id(tmp_path):
    """80 classes, two folders with the same names, ids against names, and a file with ids of its own."""
    from benchmarks.models.boxes import open_boxes
    images = [dict(id=5, file_name='a/1.jpg'), dict(id=6, file_name='b/1.jpg')]
    content = dict(images=images, annotations=[], categories=[dict(id=1, name='person')])
    path = tmp_path / 'boxes.json'

    def boxes(written):
        path.write_text(json.dumps(written))
        listed = open_boxes(str(path), content)
        return [listed(image, None)[0].tolist() for image in images]

    one, two, car = ([x, 0, 10, 10] for x in (0, 20, 40))
    wanted = [[[0, 0, 10, 10]], [[20, 0, 30, 10]]]
    assert boxes([dict(image_id=5, category_id=1, bbox=one, score=0.5), dict(image_id=6, bbox=two, category_id=1),
                  dict(image_id=5, category_id=3, bbox=car, score=0.9), dict(image_id=9, category_id=1, bbox=car)]
                 ) == wanted
    assert boxes([dict(file_name='b/1.jpg', bbox=two), dict(file_name='a/1.jpg', bbox=one)]) == wanted
    assert boxes(dict(images=[dict(id=6, file_name='a/1.jpg'), dict(id=5, file_name='b/1.jpg')],
                      categories=[dict(id=1, name='car'), dict(id=2, name='person')], annotations=[
        dict(image_id=6, category_id=2, bbox=one), dict(image_id=5, category_id=2, bbox=two),
        dict(image_id=5, category_id=1, bbox=car)])) == wanted
    for wrong in (dict(bbox=[0, 0, -1, 5]), dict(bbox=[1, 2]), dict(), dict(bbox=one, score=2)):
        with pytest.raises(AMFACError, match=r'boxes.json: \[0\]'):
            boxes([dict(image_id=5, category_id=1, **wrong)])


@pytest.mark.slow
def test_raw_scores_rank_and_poses_on_one_another_fall_as_in_mmpose(real_data, few, tmp_path):
    """RTMPose-t whose scores lie far above 1, in boxes that stand twice: MMPose's CocoMetric gives the same AP."""
    import torch
    from mmpose.apis import inference_topdown
    from mmpose.evaluation.metrics import CocoMetric

    from benchmarks.models.mmpose_model import MMPoseModel
    from benchmarks.scoring.coco_ap import KeypointScores, read_annotations
    from mmpose_amfac.apis.sources import read_image
    torch.manual_seed(0)
    system = zoo.find('rtmpose-t_8xb256-420e_coco-256x192')
    state = zoo.build(system).state_dict()
    for name in ('head.cls_x.weight', 'head.cls_y.weight'):
        state[name] *= 100
    torch.save(dict(state_dict=state), tmp_path / 'rtmpose.pth')
    raw = json.loads(few.read_text())
    raw['images'] = raw['images'][:5]
    ids = {image['id'] for image in raw['images']}
    # untrained, it is right about nothing: persons are where it finds them, with errors of their own
    raw['annotations'] = [a for a in raw['annotations'] if a['image_id'] in ids and a['num_keypoints']]
    few.write_text(json.dumps(raw))
    model = MMPoseModel(system, zoo.load_config(system), tmp_path / 'rtmpose.pth', False, 'cpu')
    rng = np.random.default_rng(0)
    samples, results = [], []
    for entry in raw['images']:
        picture = read_image(real_data / entry['file_name'])
        own = [a for a in raw['annotations'] if a['image_id'] == entry['id']]
        if not own:
            continue
        boxes = np.array([a['bbox'] for a in own], np.float32)
        boxes[:, 2:] += boxes[:, :2]
        boxes = np.concatenate([boxes, boxes + 0.5, boxes + rng.uniform(10, 30, boxes.shape).astype(np.float32)])
        scores = rng.uniform(0.5, 1, len(boxes)).astype(np.float32)
        results += model.predict([picture], [entry['id']], [boxes], [scores], 1)
        for box, score in zip(boxes, scores):
            sample, = inference_topdown(model.model, picture, box[None])
            sample.pred_instances.bbox_scores = np.array([score])
            sample.set_metainfo(dict(id=len(samples), img_id=entry['id'], category_id=1))
            samples.append(sample)
        for annotation, sample in zip(own, samples[-len(boxes):]):
            found = sample.pred_instances.keypoints[0] + rng.normal(0, 0.04 * annotation['area'] ** 0.5, (17, 2))
            annotation.update(keypoints=np.c_[found, np.full(17, 2)].ravel().tolist(), num_keypoints=17)
    few.write_text(json.dumps(raw))
    content = read_annotations(few)
    metric = CocoMetric(str(few))
    metric.dataset_meta = model.model.dataset_meta
    metric.process([], [sample.to_dict() for sample in samples])
    with contextlib.redirect_stdout(io.StringIO()):
        wanted = metric.compute_metrics(metric.results)
    assert max(result['score'] for result in results) > 1 and len(results) < len(samples)
    assert 0.2 < wanted['AP'] < 0.95 and model.nms == 'oks_nms 0.9'
    assert KeypointScores(content, results, COCO17.sigmas).metrics['AP'] == pytest.approx(wanted['AP'], abs=1e-6)

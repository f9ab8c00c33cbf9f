"""Occluders hide what they say, and the AP of hidden persons is that of the evaluation that everybody uses."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks import accuracy, calibration, occlusion, tables
from benchmarks.models.estimators import open_estimator
from benchmarks.results import read
from benchmarks.scoring import joints
from benchmarks.scoring.coco_ap import of_pictures, read_annotations
from benchmarks.scoring.occluders import WAYS, Occluder
from benchmarks.scoring.task import Task
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.skeletons import COCO17

BOX = np.array([30.5, 20, 150.25, 260], np.float32)
PERSON = [18, 16, 344, 495]


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(1, 127, (300, 200, 3), np.uint8)


@pytest.mark.parametrize('way', WAYS)
def test_hidden_share_is_that_of_the_level_and_grows_from_inside(way, noise):
    for id in range(30):
        last = np.zeros((300, 200), bool)
        for level in (0.1, 0.3, 0.5, 0.8):
            occluder = Occluder(way, level)
            seen, hidden = occluder(noise, BOX, id), occluder.hidden(BOX, id)
            assert hidden.share(BOX) == pytest.approx(level, abs=0.02)
            x1, y1, x2, y2 = np.clip(hidden, 0, (200, 300, 200, 300)).astype(int)
            inside = np.zeros((300, 200), bool)
            inside[y1:y2, x1:x2] = True
            np.testing.assert_array_equal(seen[~inside], noise[~inside])
            if way != 'texture':
                assert (seen[inside] == (128 if way == 'grey' else 0)).all()
            # beyond the cut nothing of the picture is left, with other occluders nothing outside the box changes
            assert way == 'cut' or (30 <= x1 < x2 <= 151 and 20 <= y1 < y2 <= 260)
            assert (inside >= last).all()
            last = inside


def test_cuts_come_from_all_sides_and_end_the_picture(noise):
    sides = set()
    for id in range(30):
        black = (Occluder('cut', 0.3)(noise, BOX, id) == 0).all(axis=2)
        sides.add((black[0].all(), black[-1].all(), black[:, 0].all(), black[:, -1].all()))
    assert len(sides) == 4 and all(sum(side) == 1 for side in sides)


def test_what_is_hidden_depends_on_seed_and_person_alone(noise):
    before = noise.copy()
    first = [Occluder('texture', 0.3)(noise, BOX, id) for id in (1, 2, 3)]
    again = [Occluder('texture', 0.3)(noise, BOX, id) for id in (3, 2, 1)][::-1]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(noise, before)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], Occluder('texture', 0.3, seed=1)(noise, BOX, 1))
    assert Occluder('texture', 0.3).hidden(BOX, 1) == Occluder('grey', 0.3).hidden(BOX, 1)


@pytest.mark.parametrize('way', ('grey', 'cut'))
def test_a_joint_is_hidden_where_its_pixel_is(way):
    picture = np.full((300, 200, 3), 255, np.uint8)
    points = np.random.default_rng(0).uniform(0, (199, 299), (500, 2)).round(1)
    for id in range(5):
        seen, hidden = Occluder(way, 0.4)(picture, BOX, id), Occluder(way, 0.4).hidden(BOX, id)
        pixels = np.round(points).astype(int)
        np.testing.assert_array_equal(hidden.covers(points), (seen[pixels[:, 1], pixels[:, 0]] != 255).all(axis=1))
    # a joint that is labelled beyond the end of the picture is behind the cut
    assert way == 'grey' or hidden.covers([[-50, -50], [-50, 400], [250, -50], [250, 400]]).sum() == 2


def made(folder, picture, boxes, found, shifts, **entry):
    """Annotations of pictures of one person, who is where ``found`` says, moved by ``shifts`` pixels."""
    images, people = [], []
    for i, shift in enumerate(shifts):
        cv2.imwrite(str(folder / f'{i}.png'), picture)
        images.append(dict(id=i, file_name=f'{i}.png', width=512, height=512, **{k: v[i] for k, v in entry.items()}))
        labels = np.c_[found.keypoints[0] + shift, np.full(17, 2)]
        people.append(dict(id=10 + i, image_id=i, category_id=1, iscrowd=0, num_keypoints=17, bbox=boxes,
                           area=90000.0, keypoints=labels.ravel().tolist()))
    path = folder / 'annotations.json'
    path.write_text(json.dumps(dict(images=images, annotations=people, categories=[
        dict(id=1, name='person', keypoints=list(COCO17.joints))])))
    return path


@pytest.fixture(scope='module')
def own(astronaut):
    """What the packaged model finds in the photograph."""
    x, y, w, h = PERSON
    return AMFACPose(threads=1)(astronaut, [[x, y, x + w, y + h]])


def test_crowd_levels_are_those_of_the_pictures(tmp_path, astronaut, own):
    # right, half of the pictures right, wrong
    path = made(tmp_path, astronaut, PERSON, own, (0, 0, 500, 500), crowdIndex=(0.05, 0.5, 0.6, 0.9))
    out = tmp_path / 'rows.json'
    assert occlusion.main(['amfacpose', '--ann', str(path), '--images', str(tmp_path), '--threads', '1', '--ways',
                           '--out', str(out)]) == 0
    rows = {(row['way'], row['level']): row for row in read(out, 'occlusion')}
    assert set(rows) == {('none', 0), *(('crowd index', level) for level in ('easy', 'medium', 'hard'))}
    ap = {level: rows['crowd index', level]['metrics']['AP'] for level in ('easy', 'medium', 'hard')}
    assert ap['easy'] == pytest.approx(1) and ap['hard'] == 0 and ap['medium'] == pytest.approx(51 / 101, abs=0.005)
    assert [rows['crowd index', level]['free']['joints'] for level in ap] == [17, 34, 17]
    metrics = rows['none', 0]['metrics']
    assert (metrics['AP_easy'], metrics['AP_hard']) == pytest.approx((1, 0))
    assert rows['none', 0]['protocol']['use_area'] is False


def test_rows_that_are_there_are_not_measured_again(tmp_path, astronaut, own, monkeypatch):
    path = made(tmp_path, astronaut, PERSON, own, (0, 3))
    argv = ['amfacpose', '--ann', str(path), '--images', str(tmp_path), '--threads', '1', '--levels', '0.4', '--out',
            str(tmp_path / 'rows.json')]
    assert occlusion.main([*argv, '--ways', 'grey']) == 0
    before = read(tmp_path / 'rows.json', 'occlusion')
    assert [(row['way'], row['level']) for row in before] == [('none', 0), ('grey', 0.4)]
    assert before[1]['hidden']['oks'] < before[1]['free']['oks'] < before[0]['free']['oks']
    measured, measure = [], occlusion.measure
    monkeypatch.setattr(occlusion, 'measure', lambda trial, way, *args: measured.append(way) or measure(
        trial, way, *args))
    assert occlusion.main([*argv, '--ways', 'grey', 'cut']) == 0
    rows = read(tmp_path / 'rows.json', 'occlusion')
    assert measured == ['cut'] and rows[:2] == before and len(rows) == 3
    (tmp_path / 'rows.json').rename(tmp_path / 'occlusion.json')
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    ap = [f'{row["metrics"]["AP"]:.3f}' for row in rows]
    assert tables.shown('occlusion').splitlines()[4:] == [
        f'| `{rows[0]["model"]}` | {way} | {ap[0]} | {figure} |' for way, figure in zip(('grey', 'cut'), ap[1:])]


def test_wrong_calls_name_what_is_wrong(tmp_path, astronaut, own):
    path = made(tmp_path, astronaut, PERSON, own, (0, ))
    argv = ['amfacpose', '--ann', str(path), '--images', str(tmp_path)]
    with pytest.raises(AMFACError, match='--levels=1.5'):
        occlusion.main([*argv, '--levels', '1.5'])
    with pytest.raises(AMFACError, match='--limit=0'):
        occlusion.main([*argv, '--limit', '0'])
    content = json.loads(path.read_text())
    content['annotations'][0]['keypoints'] = [1, 1, 2] * 14
    path.write_text(json.dumps(content))
    out = tmp_path / 'rows.json'
    assert occlusion.main([*argv, '--out', str(out)]) == 1
    row, = read(out, 'occlusion')
    assert row['way'] == 'none' and 'gives 17 joints, the annotations have 14' in row['reason']


@pytest.mark.slow
def test_of_real_persons(tmp_path, real_data, shared):
    """Without an occluder AP and OKS are those of other ways to them; the more is hidden, the less is found."""
    content = read_annotations(real_data / 'coco_dev.json')
    part = of_pictures(content, {one['id'] for one in content['images'][:40]})
    (tmp_path / 'part.json').write_text(json.dumps(part))
    model = str(shared / 'models/tinypose_128x96_heatmap.onnx')
    argv = [model, '--ann', str(tmp_path / 'part.json'), '--images', str(real_data), '--threads', '1', '--out']
    occlusion.main([*argv, str(tmp_path / 'rows.json'), '--levels', '0.2', '0.5'])
    accuracy.main([*argv, str(tmp_path / 'ap.json'), '--boxes', 'gt'])
    rows = {(row['way'], row['level']): row for row in read(tmp_path / 'rows.json', 'occlusion')}
    plain, (other, ) = rows['none', 0], read(tmp_path / 'ap.json', 'accuracy')
    assert plain['metrics'] == pytest.approx(other['metrics']) and plain['interval'] == other['interval']
    labels = [v for one in part['annotations'] for v in one['keypoints'][2::3]]
    assert (plain['labelled_hidden']['joints'], plain['labelled_visible']['joints']) == (labels.count(1),
                                                                                         labels.count(2))
    for way in WAYS:
        first, second = rows[way, 0.2], rows[way, 0.5]
        assert plain['metrics']['AP'] > first['metrics']['AP'] > second['metrics']['AP']
        for row in (first, second):
            assert row['hidden']['joints'] + row['free']['joints'] == plain['free']['joints']
            assert row['hidden']['oks'] < row['free']['oks'] <= plain['free']['oks']
            assert row['share'] == pytest.approx(row['level'], abs=0.01)


def test_shares_of_joints_make_up_pycocotools_oks(tmp_path, astronaut, own):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    path = made(tmp_path, astronaut, PERSON, own, (4, 9))
    content = json.loads(path.read_text())
    for joint in (3, 8):
        content['annotations'][0]['keypoints'][3 * joint + 2] = 0
    people = joints.persons(content | dict(annotations=[one | dict(num_keypoints=15) for one in
                                                       content['annotations']]), 17)
    results = joints.predict(open_estimator('amfacpose', 1, threads=1), people, tmp_path)
    shares = joints.similarities(joints.triples(results)[..., :2], people, COCO17.sigmas)
    assert np.isnan(shares).sum() == 2
    truth = COCO()
    truth.dataset = content
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(results), 'keypoints')
    evaluation._prepare()
    for i, own_shares in enumerate(shares):
        assert np.nanmean(own_shares) == pytest.approx(evaluation.computeOks(i, 1)[0, 0], abs=1e-4)


def test_one_model_that_does_not_run_leaves_the_others(tmp_path, astronaut, own):
    """Category 7 and a person with the id 0, which count as any; what cannot be given boxes has the reason."""
    path = made(tmp_path, astronaut, PERSON, own, (0, ))
    content = json.loads(path.read_text())
    content['categories'][0]['id'] = content['annotations'][0]['category_id'] = 7
    content['annotations'][0]['id'] = 0
    path.write_text(json.dumps(content))
    (tmp_path / 'results.json').write_text('[]')
    (tmp_path / 'broken.onnx').write_text('text')
    more = ['--ann', str(path), '--images', str(tmp_path), '--threads', '1', '--ways', '--out',
            str(tmp_path / 'rows.json')]
    rtmo = 'rtmo-t_8xb32-600e_body7-416x416'
    assert occlusion.main([str(tmp_path / 'results.json'), rtmo, 'amfacpose', *more]) == 0
    found = read(tmp_path / 'rows.json', 'occlusion')
    assert ['not found anew' in found[0]['reason'], 'finds the persons itself' in found[1]['reason']] == [True, True]
    assert found[2]['metrics']['AP'] == pytest.approx(1) and found[2]['threads'] == 1 and found[2]['provider']
    assert occlusion.main([str(tmp_path / 'broken.onnx'), 'amfacpose', *more]) == 1
    assert 'broken.onnx' in read(tmp_path / 'rows.json', 'occlusion')[3]['reason']
    # a picture of another size is another measurement
    cv2.imwrite(str(tmp_path / '0.png'), astronaut[:, :500])
    assert occlusion.main(['amfacpose', *more]) == 0
    assert len(read(tmp_path / 'rows.json', 'occlusion')) == 5


def test_joints_of_crowdpose_in_a_file_that_does_not_tell_its_constants(tmp_path, astronaut, monkeypatch):
    """14 joints without a manifest: the constants are CrowdPose's, as in benchmarks.accuracy."""
    points = np.random.default_rng(0).uniform(50, 300, (14, 2)).round()
    cv2.imwrite(str(tmp_path / '0.png'), astronaut)
    (tmp_path / 'a.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='0.png', crowdIndex=0.5)], categories=[dict(id=1, name='person')],
        annotations=[dict(id=1, image_id=1, category_id=1, bbox=PERSON,
                          keypoints=np.c_[points, np.full(14, 2)].ravel().tolist())])))

    def predict(pictures, ids, boxes, scores):
        return [dict(image_id=id, category_id=1, score=1.0, keypoints=np.c_[points + 6, np.full(14, 1.7)].ravel(
        ).tolist()) for id in ids]

    opened = open_estimator('amfacpose', 1, threads=1)
    monkeypatch.setattr(Task, 'open', lambda self, model: replace(opened, predict=predict, sigmas=(), joints=14))
    argv = ['amfacpose', '--ann', str(tmp_path / 'a.json'), '--images', str(tmp_path), '--out']
    assert occlusion.main([*argv, str(tmp_path / 'o.json'), '--ways']) == 0
    assert accuracy.main([*argv, str(tmp_path / 'ap.json'), '--boxes', 'gt']) == 0
    assert calibration.main([*argv, str(tmp_path / 'c.json'), '--bins', '3']) == 0
    row, ap = read(tmp_path / 'o.json', 'occlusion')[0], read(tmp_path / 'ap.json', 'accuracy')[0]
    assert row['metrics'] == ap['metrics'] and 0 < row['free']['oks'] < 1
    shares = read(tmp_path / 'c.json', 'calibration')
    assert len(shares) == 15 and shares[0]['confidence'] == 1

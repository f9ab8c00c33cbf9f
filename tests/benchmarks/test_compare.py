"""``benchmarks.compare``: paired intervals, and no comparison of what was not made alike."""

import json

import numpy as np
import pytest

from benchmarks import accuracy, compare
from benchmarks.results import read
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256


@pytest.fixture
def folder(tmp_path):
    """40 people in 20 pictures, and poses of two models: the errors of ``worse`` are those of ``better``, and more."""
    rng = np.random.default_rng(0)
    images = [dict(id=i, file_name=f'{i}.jpg', width=400, height=400) for i in range(20)]
    annotations, better, worse = [], [], []
    for i in range(40):
        points = rng.uniform(0, 300, (17, 2)).round()
        annotations.append(dict(id=i + 1, image_id=i % 20, category_id=1, iscrowd=0, area=20000.0,
                                bbox=[0, 0, 300, 300], num_keypoints=17,
                                keypoints=np.c_[points, np.full(17, 2)].ravel().tolist()))
        error, score = rng.normal(0, rng.choice([1, 5, 15]), (17, 2)), float(rng.random())
        for results, factor in ((better, 1), (worse, 1.5)):
            results.append(dict(image_id=i % 20, category_id=1, score=score,
                                keypoints=np.c_[points + factor * error, np.ones(17)].ravel().tolist()))
    categories = [dict(id=1, name='person')]
    contents = dict(truth=dict(images=images, annotations=annotations, categories=categories), better=better,
                    worse=worse)
    for name, content in contents.items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    return tmp_path


def run(folder, a, b):
    out = folder / f'{a}-{b}.json'
    assert compare.main([str(folder / f'{a}.json'), str(folder / f'{b}.json'), '--ann', str(folder / 'truth.json'),
                         '--images', str(folder), '--out', str(out)]) == 0
    row, = read(out, 'compare')
    return row


def test_the_better_one_is_found_and_sides_may_change(folder, capsys):
    row, other = run(folder, 'better', 'worse'), run(folder, 'worse', 'better')
    out = folder / 'accuracy.json'
    accuracy.main([str(folder / 'better.json'), str(folder / 'worse.json'), '--ann', str(folder / 'truth.json'),
                   '--images', str(folder), '--out', str(out)])
    better, worse = read(out, 'accuracy')
    assert (row['a']['AP'], row['b']['AP']) == (better['metrics']['AP'], worse['metrics']['AP'])
    assert row['difference'] == pytest.approx(row['a']['AP'] - row['b']['AP']) and row['difference'] > 0.02
    low, high = row['interval']['bounds']
    assert 0 < low < row['difference'] < high
    # poses with the same errors move together: the pair is known better than either AP
    widths = [np.diff(side['interval']['bounds'])[0] for side in (better, worse)]
    assert high - low < 0.8 * np.hypot(*widths)
    assert row['share'] > 0.97 and row['p'] < 0.06
    assert other['difference'] == -row['difference'] and other['p'] == row['p']
    np.testing.assert_allclose(other['interval']['bounds'], [-high, -low], atol=1e-12)
    assert 'better.json' in capsys.readouterr().out


def test_a_model_does_not_differ_from_itself(folder):
    row = run(folder, 'better', 'better')
    assert (row['difference'], row['share'], row['p'], row['interval']['bounds']) == (0, 0, 1, [0, 0])


def test_the_same_resamples_are_drawn_for_both(folder):
    """The interval is that of the differences of each resample, taken apart by the evaluation of its pictures alone."""
    from benchmarks.scoring.coco_ap import KeypointScores, read_annotations
    from mmpose_amfac.skeletons import COCO17
    content = read_annotations(folder / 'truth.json')
    scores = [KeypointScores(content, json.loads((folder / f'{name}.json').read_text()), COCO17.sigmas)
              for name in ('better', 'worse')]
    drawn = np.random.default_rng(7).integers(0, 20, (1000, 20))
    values = np.array([[s.ap(groups) for s in scores] for groups in drawn])
    low, high = np.percentile(values[:, 0] - values[:, 1], [2.5, 97.5])
    assert run(folder, 'better', 'worse')['interval']['bounds'] == pytest.approx([low, high], abs=0.02)


@pytest.mark.parametrize('values, p', [([0.1] * 999, 2 / 1000), ([0.1] * 949 + [-0.1] * 50, 2 * 51 / 1000),
                                       ([0.1, -0.1, 0.0], 1)])
def test_two_sided(values, p):
    assert compare.two_sided(np.array(values)) == pytest.approx(p)


def test_different_protocols_are_not_compared(folder):
    protocol = dict(annotations='truth.json', annotations_sha256=sha256(folder / 'truth.json'), pictures='all',
                    boxes={'source': 'unknown'}, flip_test=True, score_mode=None, keypoint_score_thr=None,
                    nms_mode=None, backend='x', precision='fp32')

    def beside(**fields):
        (folder / 'better.protocol.json').write_text(json.dumps(dict(
            sha256=sha256(folder / 'better.json'), protocol={**protocol, **fields})))

    beside()
    assert run(folder, 'better', 'worse')['a']['protocol']['flip_test'] is True
    # ranking belongs to the model, and a network that finds the persons itself stands against any boxes
    for fields in (dict(nms_mode='oks_nms 0.9', score_mode='bbox'), dict(boxes={'source': 'none'})):
        beside(**fields)
        (folder / 'better-worse.json').unlink()
        assert run(folder, 'better', 'worse')['difference'] > 0
    beside(boxes={'source': 'ground truth'})
    with pytest.raises(AMFACError, match='different protocols: boxes is'):
        compare.main([str(folder / 'better.json'), str(folder / 'worse.json'), '--ann', str(folder / 'truth.json'),
                      '--images', str(folder)])
    beside(annotations_sha256='0' * 64)
    with pytest.raises(AMFACError, match='asked for are truth.json'):
        run(folder, 'better', 'better')
    (folder / 'better.json').write_text('[]')
    with pytest.raises(AMFACError, match='belongs to other poses'):
        run(folder, 'better', 'better')

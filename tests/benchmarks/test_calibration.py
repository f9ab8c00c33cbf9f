"""Reliability, ECE and Brier score against scikit-learn and by hand."""

import json

import cv2
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from benchmarks import calibration, tables
from benchmarks.results import read
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.skeletons import COCO17


@pytest.mark.parametrize('digits', (8, 1))
def test_bins_are_those_of_scikit_learn(digits):
    rng = np.random.default_rng(0)
    # with one digit many scores are equal, and some bins empty
    scores = rng.beta(2, 1, 2000).round(digits)
    right = rng.random(2000) < scores ** 2
    found = calibration.reliability(scores, right, rng.integers(0, 300, 2000), 15)
    rate, score = calibration_curve(right, scores, n_bins=15, strategy='quantile')
    assert [one['rate'] for one in found['bins']] == pytest.approx(rate, abs=1e-4)
    assert [one['confidence'] for one in found['bins']] == pytest.approx(score, abs=1e-4)
    assert found['brier'] == pytest.approx(brier_score_loss(right, scores), abs=1e-4)
    counts = np.array([one['joints'] for one in found['bins']])
    assert counts.sum() == found['joints'] == 2000 and (digits == 1 or (abs(counts - 2000 / 15) < 2).all())
    assert found['ece'] == pytest.approx(np.average(np.abs(rate - score), weights=counts), abs=2e-4)
    low, high = found['interval']['bounds']
    assert low < found['ece'] < high


def test_a_calibrated_score_has_hardly_an_error():
    rng = np.random.default_rng(1)
    scores = rng.random(50000)
    sources = np.arange(50000) // 50
    good = calibration.reliability(scores, rng.random(50000) < scores, sources, 15)
    bad = calibration.reliability(scores, rng.random(50000) < 0.5, sources, 15)
    assert good['ece'] < 0.01 and bad['ece'] == pytest.approx(0.25, abs=0.02)
    assert bad['interval']['over'] == '1000 source pictures'


def test_pictures_are_drawn_whole():
    """Joints of one picture that are right and wrong together tell less than independent ones."""
    rng = np.random.default_rng(2)
    right = np.repeat(rng.random(100) < 0.6, 17)
    scores = np.full(1700, 0.8) + rng.uniform(-1e-3, 1e-3, 1700)
    widths = [np.ptp(calibration.reliability(scores, right, sources, 1)['interval']['bounds'])
              for sources in (np.repeat(np.arange(100), 17), np.arange(1700))]
    assert widths[0] > 3 * widths[1]


@pytest.fixture(scope='module')
def two_persons(tmp_path_factory, astronaut):
    """The astronaut twice: labels where the model finds the joints, and far away from there; ankles have none."""
    folder = tmp_path_factory.mktemp('two')
    found = AMFACPose(threads=1)(astronaut, [[18, 16, 362, 511]])
    seen = np.where(['ankle' in name for name in COCO17.joints], 0, 2)
    people = [dict(id=i + 1, image_id=i, category_id=1, iscrowd=0, num_keypoints=15, bbox=[18, 16, 344, 495],
                   area=90000.0, keypoints=np.c_[found.keypoints[0] + 500 * i, seen].ravel().tolist()) for i in (0, 1)]
    for i in (0, 1):
        cv2.imwrite(str(folder / f'{i}.png'), astronaut)
    (folder / 'a.json').write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f'{i}.png', width=512, height=512) for i in (0, 1)], annotations=people,
        categories=[dict(id=1, name='person', keypoints=list(COCO17.joints))])))
    return folder, found


def test_command(two_persons, tmp_path, monkeypatch):
    folder, found = two_persons
    argv = ['amfacpose', '--ann', str(folder / 'a.json'), '--images', str(folder), '--threads', '1', '--bins', '4',
            '--out', str(tmp_path / 'rows.json')]
    assert calibration.main(argv) == 0
    rows = {row['joint']: row for row in read(tmp_path / 'rows.json', 'calibration')}
    assert set(rows) == {'all', *COCO17.joints}
    assert rows['left_ankle']['reason'] and 'ece' not in rows['left_ankle']
    labelled = found.keypoint_scores[0, :15].astype(float)
    assert rows['all']['joints'] == 30 and rows['all']['rate'] == 0.5
    assert rows['all']['confidence'] == pytest.approx(labelled.mean(), abs=1e-4)
    # every score stands once with a joint that is right and once with one that is not
    assert rows['all']['brier'] == pytest.approx(np.mean(((1 - labelled) ** 2 + labelled ** 2) / 2), abs=1e-4)
    assert rows['nose']['joints'] == 2 and rows['nose']['ece'] == pytest.approx(abs(labelled[0] - 0.5), abs=1e-4)
    monkeypatch.setattr(calibration, 'measure', lambda *_: pytest.fail('measured again'))
    assert calibration.main(argv) == 0
    (tmp_path / 'rows.json').rename(tmp_path / 'calibration.json')
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    line, = tables.shown('calibration').splitlines()[2:]
    assert f'| 30 | {rows["all"]["confidence"]:.3f} | 0.500 | {rows["all"]["ece"]:.3f} |' in line


def test_one_picture_and_wrong_calls(two_persons, tmp_path):
    folder, _ = two_persons
    argv = ['amfacpose', '--ann', str(folder / 'a.json'), '--images', str(folder), '--threads', '1']
    assert calibration.main([*argv, '--limit', '1', '--out', str(tmp_path / 'one.json')]) == 0
    row = read(tmp_path / 'one.json', 'calibration')[0]
    assert row['rate'] == 1 and row['interval']['bounds'] == [row['ece']] * 2
    with pytest.raises(AMFACError, match='--bins=0'):
        calibration.main([*argv, '--bins', '0'])

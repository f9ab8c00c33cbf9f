"""``benchmarks.calibrate``: the fit against scikit-learn, and the config that it writes."""

import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from sklearn.linear_model import LogisticRegression

from benchmarks import calibrate
from mmpose_amfac import model_index
from mmpose_amfac.apis.estimator import TorchEstimator
from mmpose_amfac.errors import AMFACError

BOX = [18, 16, 362, 511]


def test_the_fit_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.beta(2, 2, 5000)
    right = rng.random(5000) < calibrate.calibrated(scores, np.array([1.7, 2.4]))
    line = calibrate.fit(scores, right)
    reference = LogisticRegression(C=np.inf).fit(np.log(scores)[:, None], right)
    assert line == pytest.approx([reference.coef_[0, 0], reference.intercept_[0]], abs=0.01)
    assert line == pytest.approx([1.7, 2.4], abs=0.2)


def test_scores_that_tell_the_opposite_do_not_turn_the_order_around():
    rng = np.random.default_rng(1)
    scores = rng.random(1000)
    slope, _ = calibrate.fit(scores, rng.random(1000) > scores)
    assert slope > 0


def test_a_joint_with_few_labels_gets_the_line_of_all():
    rng = np.random.default_rng(2)
    scores, labelled = rng.random((1000, 3)), np.ones((1000, 3), bool)
    right = rng.random((1000, 3)) < scores ** np.array([1, 2, 3])
    labelled[calibrate.FEWEST - 1:, 2] = False
    right[:, 1] = True
    lines = calibrate.fit_joints(scores, right, labelled)
    # the second is always right
    assert (lines[1] == lines[2]).all()
    assert (lines[2] == calibrate.fit(scores[labelled], right[labelled])).all()
    assert (lines[0] == calibrate.fit(scores[:, 0], right[:, 0])).all() and (lines[0] != lines[2]).all()


@pytest.fixture(scope='module')
def model():
    """The packaged weights and their config before scores were fitted."""
    found = model_index.find('amfacpose')
    return found._replace(config=found.config.with_name('amfacpose_r18_1xb64-10e_real-packed-128x96.py'))


@pytest.fixture(scope='module')
def twenty(tmp_path_factory, astronaut, model):
    """The astronaut twenty times, seven times labelled where the model finds the joints."""
    folder = tmp_path_factory.mktemp('twenty')
    points = TorchEstimator('amfacpose', device='cpu')(astronaut, [BOX]).keypoints[0]
    cv2.imwrite(str(folder / 'a.png'), astronaut)
    people = []
    for i in range(20):
        moved = points + (0 if i < 7 else 300)
        people.append(dict(id=i + 1, image_id=1, category_id=1, iscrowd=0, area=1e5, num_keypoints=17,
                           bbox=[BOX[0], BOX[1], BOX[2] - BOX[0], BOX[3] - BOX[1]],
                           keypoints=np.c_[moved, np.full(17, 2)].ravel().tolist()))
    (folder / 'a.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.png', width=512, height=512)], annotations=people,
        categories=[dict(id=1, name='person')])))
    return folder


def test_the_config_has_the_fitted_scores(twenty, model, astronaut, capsys):
    out = twenty / 'made' / 'calibrated.py'
    out.parent.mkdir()
    assert calibrate.main([str(model.config), '--checkpoint', str(model.weights), '--ann', str(twenty / 'a.json'),
                           '--images', str(twenty), '--out', str(out)]) == 0
    assert '340 joints of 20 persons' in capsys.readouterr().out
    head = Config.fromfile(out).model.head
    assert len(head.calibration.slope) == len(head.calibration.offset) == 17
    poses = TorchEstimator(out, model.weights, device='cpu')(astronaut, [BOX])
    # seven in twenty are right, whatever the score
    assert poses.keypoint_scores.mean() == pytest.approx(7 / 20, abs=0.02)
    with pytest.raises(AMFACError, match='has fitted scores'):
        calibrate.main([str(out), '--checkpoint', str(model.weights), '--ann', str(twenty / 'a.json'), '--images',
                        str(twenty), '--out', str(twenty / 'again.py')])


@pytest.mark.parametrize('arguments, message', [
    ([], '--checkpoint: give the weights'),
    (['--checkpoint', 'w.pth', '--flip'], '--flip: scores are fitted to single pictures'),
    (['--checkpoint', 'w.pth', '--out', 'c.py'], 'is CONFIG.py itself')])
def test_wrong_calls(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AMFACError, match=message):
        calibrate.main(['c.py', '--ann', 'a.json', '--images', '.', '--out', 'o.py', *arguments])

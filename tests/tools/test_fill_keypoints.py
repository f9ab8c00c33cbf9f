import copy
import json
import subprocess
import sys

import pytest

from mmpose_amfac.errors import AMFACError
from tools.fill_keypoints import fill

PERSON = dict(id=7, image_id=3, keypoints=[10, 20, 2, 0, 0, 0, 5, 6, 1, 0, 0, 0], num_keypoints=2)
POSE = dict(image_id=3, keypoints=[1, 1, 0.9, 30.126, 40.5, 0.4, 2, 2, 0.9, 50, 60, 0.39], score=0.6)


def test_only_unlabelled_joints_that_the_model_is_sure_of():
    content = dict(annotations=[copy.deepcopy(PERSON)])
    assert fill(content, [POSE], 0.4) == 1
    person = content['annotations'][0]
    assert person['keypoints'] == [10, 20, 2, 30.13, 40.5, 2, 5, 6, 1, 0, 0, 0] and person['num_keypoints'] == 3


def test_poses_belong_to_the_annotations_in_their_order():
    content = dict(annotations=[dict(copy.deepcopy(PERSON), id=i) for i in range(2)])
    fill(content, [POSE, dict(POSE, keypoints=[0, 0, 0] + [70, 80, 1] + 6 * [0])], 0.4)
    assert [a['keypoints'][3] for a in content['annotations']] == [30.13, 70]


@pytest.mark.parametrize('poses, message', [
    ([], 'picture 3 has 1 annotations and 0 poses; write the poses with --boxes gt'),
    ([dict(POSE, keypoints=[0, 0, 0])], 'annotation 7 has 4 joints, its pose 1')])
def test_files_that_do_not_belong_together(poses, message):
    with pytest.raises(AMFACError, match=message):
        fill(dict(annotations=[copy.deepcopy(PERSON)]), poses, 0.4)


def test_the_command(root, tmp_path):
    for name, content in (('a', dict(annotations=[PERSON])), ('poses', [POSE])):
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    command = [sys.executable, 'tools/fill_keypoints.py', *(str(tmp_path / f'{name}.json') for name in ('a', 'poses')),
               '--out', str(tmp_path / 'filled.json')]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith('1 joints of 1 annotations filled'), done.stderr
    assert json.loads((tmp_path / 'filled.json').read_text())['annotations'][0]['num_keypoints'] == 3
    done = subprocess.run([*command, '--score-thr', '1'], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and '--score-thr=1.0 must be' in done.stderr
    (tmp_path / 'poses.json').write_text('{}')
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and 'poses.json must be a list of poses' in done.stderr

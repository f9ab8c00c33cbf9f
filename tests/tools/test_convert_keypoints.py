"""``tools/convert_keypoints.py``: LSPET's joints as CrowdPose's, by a config."""

import json
import subprocess
import sys

import pytest

from mmpose_amfac.errors import AMFACError
from tools.convert_keypoints import convert, converters

CONFIG = 'configs/lspet/amfacpose_r18_1xb64-1e_lspet-crowdpose14-128x96.py'


def run(root, source, *rest):
    return subprocess.run([sys.executable, 'tools/convert_keypoints.py', str(source), *map(str, rest)], cwd=root,
                          capture_output=True, text=True)


def test_the_command(root, tmp_path):
    points = [value for i in range(14) for value in (i, 100 + i, 2 if i else 0)]
    (tmp_path / 'a.json').write_text(json.dumps(dict(
        images=[dict(id=1)], annotations=[dict(id=1, image_id=1, keypoints=points, num_keypoints=13)],
        categories=[dict(id=1, name='person', keypoints=['x'] * 14, skeleton=[[1, 2]])])))
    done = run(root, tmp_path / 'a.json', CONFIG, '--out', tmp_path / 'b.json')
    assert done.returncode == 0 and '1 annotations with 14 joints' in done.stdout, done.stderr
    made = json.loads((tmp_path / 'b.json').read_text())
    category, = made['categories']
    person, = made['annotations']
    found = dict(zip(category['keypoints'], zip(*[iter(person['keypoints'])] * 3)))
    # LSPET's order: right ankle first, left shoulder ninth, head last
    assert found['left_shoulder'] == (9, 109, 2) and found['top_head'] == (13, 113, 2)
    assert found['right_ankle'] == (0, 100, 0) and person['num_keypoints'] == 13
    assert 'skeleton' not in category and made['images'] == [dict(id=1)]


@pytest.mark.parametrize('content, config, message', [
    ('{}', CONFIG, 'must have categories, and annotations with keypoints'),
    ('{}', 'configs/coco/amfacpose_r18_1xb32-140e_coco-256x192.py', 'one KeypointConverter, it has 0'),
    ('{}', 'no.py', 'config no.py does not exist')])
def test_wrong_calls(root, tmp_path, content, config, message):
    (tmp_path / 'a.json').write_text(content)
    done = run(root, tmp_path / 'a.json', config, '--out', tmp_path / 'b.json')
    assert done.returncode == 2 and message in done.stderr and not (tmp_path / 'b.json').exists()


def test_joints_without_a_source_are_not_labelled_and_missing_ones_are_told():
    content = dict(annotations=[dict(id=3, keypoints=[1, 2, 2, 3, 4, 1])], categories=[])
    convert(content, ['a', 'b', 'c'], [(1, 0), (0, 2)])
    assert content['annotations'][0]['keypoints'] == [3, 4, 1, 0, 0, 0, 1, 2, 2]
    with pytest.raises(AMFACError, match='annotation 3 has 3 joints, the mapping reads 5'):
        convert(content, ['a'], [(4, 0)])


def test_a_converter_that_stands_twice_counts_once():
    step = dict(type='KeypointConverter', num_keypoints=1, mapping=[(0, 0)])
    assert converters([dict(pipeline=[step]), dict(pipeline=[dict(step), dict(type='Other')])]) == [step]

"""``amfacpose demo``: one picture, drawn, with or without detector weights."""

import json
from pathlib import Path

import cv2
import pytest

from mmpose_amfac.cli.main import main
from mmpose_amfac.files import sha256


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """An empty cache and no way out."""
    from mmpose_amfac.apis import downloads

    def refuse(*_, **__):
        raise OSError('no network in this test')

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(downloads.urllib.request, 'urlopen', refuse)


def test_default_picture_with_a_detector(capsys, shared, astronaut, tmp_path, model_options):
    detector = shared / 'models' / 'rtmdet_nano_person.onnx'
    assert main(['demo', *model_options, '--det', str(detector), '--out', str(tmp_path), '--kpt-thr', '0']) == 0
    out = capsys.readouterr().out
    assert f'1 person\n{tmp_path / "demo.png"}\n{tmp_path / "demo.json"}\n' in out
    assert 'whole picture' not in out
    drawn = cv2.imread(str(tmp_path / 'demo.png'))
    assert drawn.shape == astronaut.shape and (drawn != astronaut).any()
    content = json.loads((tmp_path / 'demo.json').read_text())
    assert len(content['annotations']) == 1 and content['images'][0]['file_name'] == 'astronaut.png'


def test_joints_more_likely_wrong_than_right_are_not_drawn(tmp_path, astronaut):
    pytest.importorskip('onnxruntime')
    from mmpose_amfac.draw import draw_poses
    from mmpose_amfac.runtime import AMFACPose
    assert main(['demo', '--backend', 'onnxruntime', '--det', 'whole_image', '--out', str(tmp_path)]) == 0
    poses = AMFACPose('amfacpose')(astronaut, [[0, 0, *astronaut.shape[1::-1]]])
    drawn = cv2.imread(str(tmp_path / 'demo.png'))
    assert (drawn == draw_poses(astronaut, poses, kpt_thr=0.5)).all()
    assert poses.keypoint_scores.min() < 0.5 < poses.keypoint_scores.max()


def test_without_detector_weights_the_demo_says_so(capsys, tmp_path, folder, model_options, no_weights):
    assert main(['demo', *model_options, '--image', str(folder / 'Zoë ☃.png'), '--out', str(tmp_path / 'out')]) == 0
    out = capsys.readouterr().out
    assert out.count('the whole picture is taken as one person') == 1 and 'no network in this test' in out
    (annotation, ) = json.loads((tmp_path / 'out' / 'demo.json').read_text(encoding='utf-8'))['annotations']
    assert annotation['bbox'] == [0, 0, 512, 512]


def test_only_the_demo_falls_back(capsys, tmp_path, folder, model_options, no_weights):
    """predict refuses, and so does the demo when the detector was asked for by name."""
    assert main(['predict', str(folder), *model_options, '--out', str(tmp_path)]) == 2
    assert main(['demo', *model_options, '--det', 'rtmdet-m', '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert '--det rtmdet-nano --det-weights rtmdet_nano_8xb32' in error
    assert '--det rtmdet-m --det-weights rtmdet_m_8xb32' in error
    assert not (tmp_path / 'predictions.json').exists() and not (tmp_path / 'demo.json').exists()


@pytest.fixture
def carded(tmp_path, monkeypatch, model_options):
    """Options of packaged weights, and a function that writes their card."""
    from mmpose_amfac import paths
    folder = tmp_path / 'weights'
    folder.mkdir()
    weights = folder / 'packaged.pth'
    weights.write_bytes(Path(model_options[3]).read_bytes())
    monkeypatch.setattr(paths, 'WEIGHTS', folder)

    def write(**changes):
        card = dict(ap=0.123, ap_dataset='dev crops', boxes='ground truth', flip_test=True, config='c.py',
                    weights_sha256=sha256(weights)) | changes
        weights.with_suffix('.json').write_text(json.dumps(card))
        return [*model_options[:3], str(weights), *model_options[4:], '--det', 'whole_image', '--out',
                str(tmp_path / 'out')]

    return write


LINE = 'packaged.pth: AP 0.123 on dev crops with ground truth boxes, '


@pytest.mark.parametrize('changes, line', [
    (dict(), LINE + 'with flip test\n'), (dict(flip_test=False), LINE + 'without flip test\n'),
    (dict(weights_sha256='0' * 64), '')])
def test_the_demo_says_how_good_packaged_weights_are(capsys, carded, changes, line):
    assert main(['demo', *carded(**changes)]) == 0
    out = capsys.readouterr().out
    assert line in out and ('AP 0.' in out) == bool(line)


@pytest.mark.parametrize('content', ['{"ap": 0.1}', 'no JSON'])
def test_a_file_beside_own_weights_is_no_card(capsys, tmp_path, model_options, content):
    card = Path(model_options[3]).with_suffix('.json')
    card.write_text(content)
    try:
        assert main(['demo', *model_options, '--det', 'whole_image', '--out', str(tmp_path)]) == 0
    finally:
        card.unlink()
    assert 'AP 0.' not in capsys.readouterr().out


def test_demo_never_replaces_its_picture(capsys, tmp_path, folder, model_options):
    picture = tmp_path / 'demo.png'
    picture.write_bytes((folder / 'Zoë ☃.png').read_bytes())
    before = picture.read_bytes()
    assert main(['demo', *model_options, '--image', str(picture), '--det', 'whole_image', '--out', str(tmp_path)]) == 2
    assert f'{picture} is read and would be overwritten' in capsys.readouterr().err
    assert picture.read_bytes() == before and not (tmp_path / 'demo.json').exists()


def test_flip_test_is_recorded(tmp_path, model_options):
    for flip in ([], ['--flip']):
        assert main(['demo', *model_options, '--det', 'whole_image', '--out', str(tmp_path), *flip]) == 0
        assert json.loads((tmp_path / 'demo.json').read_text())['info']['flip_test'] == bool(flip)


@pytest.mark.parametrize('content', [None, b'', b'garbage'])
def test_bad_picture_exits_2(capsys, tmp_path, model_options, content):
    if content is not None:
        (tmp_path / 'x.png').write_bytes(content)
    assert main(['demo', *model_options, '--image', str(tmp_path / 'x.png'), '--out', str(tmp_path / 'out')]) == 2
    assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'out').exists()

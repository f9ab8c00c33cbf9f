"""``amfacpose predict`` from end to end with a random model."""

import json

import cv2
import numpy as np
import pytest

from mmpose_amfac.apis import open_source
from mmpose_amfac.cli.main import main


def results(folder):
    return json.loads((folder / 'predictions.json').read_text(encoding='utf-8'))


def assert_refused(arguments, message, capsys):
    """The command ends with code 2 and one line that has ``message``, whether argparse or we refuse."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count('\n') == 1


def test_folder_with_the_real_detector(capsys, shared, tmp_path, folder, model_options):
    detector = shared / 'models' / 'rtmdet_nano_person.onnx'
    assert main(['predict', str(folder), *model_options, '--det', str(detector), '--out', str(tmp_path / 'out'),
                 '--kpt-thr', '0']) == 0
    content = results(tmp_path / 'out')
    assert [i['file_name'] for i in content['images']] == ['Zoë ☃.png', 'a.jpg']
    for annotation in content['annotations']:
        np.testing.assert_allclose(annotation['bbox'], [18, 16, 344, 495], atol=5)
        assert len(annotation['keypoints']) == 51
    assert len(content['annotations']) == 2 and content['skipped'] == []
    drawn = {f.name: f.image for f in open_source(tmp_path / 'out' / 'drawings')}
    assert set(drawn) == {'a.jpg', 'Zoë ☃.png'}
    original = next(iter(open_source(folder / 'Zoë ☃.png'))).image
    assert (drawn['Zoë ☃.png'] != original).any()
    assert '2 pictures, 2 persons, 0 skipped' in capsys.readouterr().out


def test_corrupt_file_is_reported_and_the_rest_done(command, tmp_path, folder, model_options):
    (folder / 'b.jpg').write_bytes(b'garbage')
    done = command('predict', folder, *model_options, '--det', 'whole_image', '--no-draw')
    assert done.returncode == 1, done.stderr
    assert f'skipped b.jpg: {folder / "b.jpg"} is not a picture' in done.stderr
    assert 'Traceback' not in done.stderr
    content = results(tmp_path / 'amfacpose_out')
    assert len(content['images']) == 2 and [s['file_name'] for s in content['skipped']] == ['b.jpg']
    assert not (tmp_path / 'amfacpose_out' / 'drawings').exists()


def test_own_boxes_are_honoured(tmp_path, folder, model_options):
    """A box on the empty corner: exactly that box, and joints inside its padded crop; the other picture has nobody."""
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps([dict(file_name='a.jpg', bbox=[400, 20, 60, 80])]))
    assert main(['predict', str(folder), *model_options, '--boxes', str(boxes), '--out', str(tmp_path / 'out')]) == 0
    (annotation, ) = results(tmp_path / 'out')['annotations']
    assert annotation['file_name'] == 'a.jpg' and annotation['bbox'] == [400, 20, 60, 80]
    keypoints = np.array(annotation['keypoints']).reshape(-1, 3)
    # the padded crop: 1.25 * 80 high, 3/4 of that wide
    assert (np.abs(keypoints[:, :2] - [430, 60]) <= [37.6, 50.1]).all()


def test_video_in_video_out(tmp_path, model_options):
    path = tmp_path / 'v.mp4'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 12.5, (64, 48))
    for i in range(14):
        video.write(np.full((48, 64, 3), 4 * i, np.uint8))
    video.release()
    assert main(['predict', str(path), *model_options, '--det', 'whole_image', '--out', str(tmp_path / 'out'),
                 '--batch-size', '8']) == 0
    back = open_source(tmp_path / 'out' / 'drawings' / 'v.mp4')
    assert (len(list(back)), back.fps) == (14, 12.5)
    content = results(tmp_path / 'out')
    assert [i['frame'] for i in content['images']] == list(range(14))
    assert len(content['annotations']) == 14


def test_outputs_never_replace_the_inputs(capsys, tmp_path, folder, model_options):
    """Beside the inputs is fine; a second run on the first one's drawings, or on its boxes, is not."""
    before = (folder / 'a.jpg').read_bytes()
    options = [*model_options, '--det', 'whole_image', '--out', str(folder)]
    assert main(['predict', str(folder), *options]) == 0
    assert (folder / 'a.jpg').read_bytes() == before
    made = {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}
    capsys.readouterr()
    assert main(['predict', str(folder / 'drawings'), *options]) == 2
    assert main(['predict', str(folder / 'drawings' / 'a.jpg'), *options]) == 2
    assert main(['predict', str(folder), *model_options, '--boxes', str(folder / 'predictions.json'), '--out',
                 str(folder)]) == 2
    assert capsys.readouterr().err.count('is read and would be overwritten; choose another --out') == 3
    assert {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()} == made


def test_flip_test_changes_joints_and_is_recorded(tmp_path, folder, model_options):
    found = []
    for flip in ([], ['--flip']):
        assert main(['predict', str(folder / 'a.jpg'), *model_options, '--det', 'whole_image', '--no-draw', '--out',
                     str(tmp_path / 'out'), *flip]) == 0
        found.append(results(tmp_path / 'out'))
        assert found[-1]['info']['flip_test'] == bool(flip)
    plain, flipped = (content['annotations'][0]['keypoint_scores'] for content in found)
    assert plain != flipped


def test_missing_tqdm_is_one_line(capsys, tmp_path, folder, model_options, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 'tqdm', None)
    assert main(['predict', str(folder), *model_options, '--det', 'whole_image', '--out', str(tmp_path / 'out')]) == 2
    assert capsys.readouterr().err.endswith("predict needs tqdm, which is not installed: python -m pip install "
                                            "'mmpose_amfac[runtime]'\n")


@pytest.mark.parametrize('out', ['{file}', '{file}/deeper', '{nodraw}'])
def test_out_that_is_a_file(capsys, tmp_path, folder, model_options, out):
    (tmp_path / 'nodraw').mkdir()
    (tmp_path / 'nodraw' / 'drawings').write_text('')
    (tmp_path / 'a.png').write_text('mine')
    out = out.format(file=tmp_path / 'a.png', nodraw=tmp_path / 'nodraw')
    for verb in (['predict', str(folder)], ['demo'])[:1 if 'nodraw' in out else 2]:
        assert main([*verb, *model_options, '--out', out]) == 2
        error = capsys.readouterr().err
        assert 'is a file; give a folder' in error and error.count('\n') == 1
    assert (tmp_path / 'a.png').read_text() == 'mine'


@pytest.mark.parametrize('args, message', [
    (['none.jpg'], 'does not exist'),
    (['{empty}'], 'holds no picture'),
    (['webcam:93'], 'webcam:93 does not open'),
    (['{folder}', '--det', 'rtmdet-x'], "'rtmdet-x' is not known"),
    (['{folder}', '--boxes', 'none.json'], 'none.json cannot be read'),
    (['{folder}', '--boxes', '{bad}'], '[0].bbox=[1, 2, 0, 4] has no area'),
    (['{folder}', '--boxes', '{foreign}'], 'no entry belongs to a picture'),
    (['{folder}', '--boxes', '{foreign}', '--det', 'whole_image'], 'exclude each other'),
    (['{folder}', '--device', 'cuda:77'], "device='cuda:77' cannot be used"),
    (['{folder}', '--device', 'meta'], "device='meta' cannot be used"),
    (['{folder}', '--weights', '{bad}'], 'bad.json is not a checkpoint that torch can read'),
])
def test_mistakes_exit_2_with_one_line(capsys, tmp_path, folder, model_options, args, message):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'bad.json').write_text(json.dumps([dict(image_id=1, bbox=[1, 2, 0, 4])]))
    (tmp_path / 'foreign.json').write_text(json.dumps([dict(file_name='x.jpg', bbox=[1, 2, 3, 4])]))
    places = dict(empty=tmp_path / 'empty', folder=folder, bad=tmp_path / 'bad.json', foreign=tmp_path / 'foreign.json')
    args = [arg.format(**places) for arg in args]
    assert main(['predict', *args[:1], *model_options, '--out', str(tmp_path / 'out'), *args[1:]]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('amfacpose:')]
    assert len(lines) == 1 and lines[0].startswith('amfacpose: error: ') and message in lines[0]


def test_foreign_boxes_leave_no_result(tmp_path, folder, model_options):
    (tmp_path / 'foreign.json').write_text(json.dumps([dict(file_name='x.jpg', bbox=[1, 2, 3, 4])]))
    assert main(['predict', str(folder), *model_options, '--boxes', str(tmp_path / 'foreign.json'), '--out',
                 str(tmp_path / 'out')]) == 2
    assert not (tmp_path / 'out' / 'predictions.json').exists()


def test_ctrl_c_ends_a_camera_cleanly(capsys, tmp_path, model_options, monkeypatch):
    """What the camera saw until then is kept."""
    from mmpose_amfac.apis.sources import Frame, Source

    def frames():
        for i in range(3):
            yield Frame('webcam:0', i, np.zeros((48, 64, 3), np.uint8))
        raise KeyboardInterrupt

    monkeypatch.setattr('mmpose_amfac.apis.open_source',
                        lambda source: Source('webcam:0', 'camera', None, None, frames()))
    assert main(['predict', 'webcam:0', *model_options, '--det', 'whole_image', '--batch-size', '1', '--out',
                 str(tmp_path / 'out')]) == 0
    assert len(results(tmp_path / 'out')['images']) == 3
    assert len(list(open_source(tmp_path / 'out' / 'drawings' / 'webcam_0.mp4'))) == 3


def test_exported_file(capsys, shared, tmp_path, folder):
    """The runtime's joints, and what ran is written down."""
    import cv2

    from mmpose_amfac.runtime import AMFACPose
    model = shared / 'models' / 'tinypose_128x96_heatmap.onnx'
    assert main(['predict', str(folder), '--model', str(model), '--det', 'whole_image', '--threads', '1', '--flip',
                 '--no-draw', '--out', str(tmp_path / 'out')]) == 0
    content = results(tmp_path / 'out')
    assert content['info']['backend'] == 'onnxruntime' and content['info']['device'] == 'cpu'
    expected = AMFACPose(model, 'whole_image', threads=1, flip=True)(cv2.imread(str(folder / 'a.jpg')))
    found = next(a for a in content['annotations'] if a['file_name'] == 'a.jpg')
    np.testing.assert_allclose(np.reshape(found['keypoints'], (17, 3))[:, :2], expected.keypoints[0], atol=2e-3)
    assert '2 pictures, 2 persons, 0 skipped' in capsys.readouterr().out


def test_zoo_file_by_flags(capsys, shared, tmp_path, folder):
    """PP-TinyPose 128x96 wants a padding of 1.1 and a kernel of 3: as flags, as a file of fields, as in Python."""
    import cv2

    from mmpose_amfac.runtime import AMFACPose
    model = shared / 'models' / 'tinypose_128x96_heatmap.onnx'
    (tmp_path / 'fields.json').write_text('{"padding": 1.1, "decode": {"rule": "heatmap", "kernel": 3}}')
    found = []
    for options in (['--padding', '1.1', '--decode', 'rule=heatmap', 'kernel=3'],
                    ['--manifest', str(tmp_path / 'fields.json')], ['--decode', 'refine=none'], []):
        assert main(['predict', str(folder / 'a.jpg'), '--model', str(model), '--det', 'whole_image', '--threads', '1',
                     '--no-draw', '--out', str(tmp_path / 'out'), *options]) == 0
        (annotation, ) = results(tmp_path / 'out')['annotations']
        found.append(np.reshape(annotation['keypoints'], (17, 3))[:, :2])
    taken = capsys.readouterr().err.splitlines()
    assert len(taken) == 3 and "'kernel': 3" in taken[0] and 'padding 1.1' in taken[0]
    fields = dict(padding=1.1, decode=dict(rule='heatmap', kernel=3))
    expected = AMFACPose(model, 'whole_image', threads=1, manifest=fields)(cv2.imread(str(folder / 'a.jpg')))
    for points in found[:2]:
        np.testing.assert_allclose(points, expected.keypoints[0], atol=2e-3)
    for points in found[2:]:
        assert np.abs(points - found[0]).max() > 0.1


@pytest.mark.parametrize('text, value', [('kernel=3', ('kernel', 3)), ('stride=4.5', ('stride', 4.5)),
                                         ('refine=dark', ('refine', 'dark')), ('a=b=c', ('a', 'b=c'))])
def test_values_of_decode(text, value):
    from mmpose_amfac.cli.predict import _pair
    assert _pair(text) == value and type(_pair(text)[1]) is type(value[1])


@pytest.mark.parametrize('options, message', [
    (['--decode', 'kernal=3'], "decode.kernal is not known; allowed for 'heatmap': stride, refine, kernel"),
    (['--decode', 'rule=dark'], "decode.rule='dark' is not known; allowed: 'simcc', 'heatmap'"),
    (['--decode', 'rule=simcc'], "decode.rule must be 'heatmap', not 'simcc'"),
    (['--decode', 'kernel=4'], 'decode.kernel=4 must be odd'),
    (['--decode', 'kernel=3.0'], 'decode.kernel=3.0 must be an integer'),
    (['--decode', 'kernel=nan'], 'decode.kernel=nan must be an integer'),
    (['--decode', 'kernel=3', 'kernel=5'], '--decode has the same key twice'),
    (['--decode', 'kernel'], "'kernel' must be KEY=VALUE; keys are rule, split_ratio and window, or rule, stride"),
    (['--decode', '=3'], "'=3' must be KEY=VALUE"), (['--decode', 'kernel='], "'kernel=' must be KEY=VALUE"),
    (['--decode'], 'expected at least one argument'), (['--padding', 'wide'], 'invalid float value'),
    (['--padding', '0'], 'padding=0.0 must be a number, at least 0.1'), (['--padding', 'nan'], 'padding=nan must be'),
    (['--padding', '1.1', '--manifest', 'none.json'], '--manifest goes without --padding and --decode'),
    (['--manifest', 'none.json'], 'manifest none.json cannot be read')])
def test_wrong_flags_of_zoo_files(capsys, shared, folder, tmp_path, options, message):
    arguments = ['predict', str(folder), '--model', str(shared / 'models' / 'tinypose_128x96_heatmap.onnx'), '--det',
                 'whole_image', '--out', str(tmp_path / 'out'), *options]
    assert_refused(arguments, message, capsys)


def test_pictures_of_one_name_have_a_drawing_each(tmp_path, folder, model_options):
    (folder / 'photo').write_bytes((folder / 'Zoë ☃.png').read_bytes())
    (folder / 'Zoë ☃.png').rename(folder / 'photo.png')
    assert main(['predict', str(folder), *model_options, '--det', 'whole_image', '--out', str(tmp_path / 'out')]) == 0
    assert {path.name for path in (tmp_path / 'out' / 'drawings').iterdir()} == {'a.jpg', 'photo.png', 'photo.png.png'}


def test_wrong_boxes_skip_their_picture(capsys, tmp_path, folder, model_options, monkeypatch):
    """Unlike a list in Python."""
    seen = iter([([[0, 0, 9, 9]], [float('nan')]), ([[0, 0, 9, 9]], [1.0])])
    monkeypatch.setattr('mmpose_amfac.apis.build_detector', lambda *args, **kwargs: lambda image: next(seen))
    assert main(['predict', str(folder), *model_options, '--no-draw', '--out', str(tmp_path / 'out')]) == 1
    assert 'skipped Zoë ☃.png: scores of the boxes must be' in capsys.readouterr().err
    content = results(tmp_path / 'out')
    assert [a['file_name'] for a in content['annotations']] == ['a.jpg']
    assert [s['file_name'] for s in content['skipped']] == ['Zoë ☃.png']


def test_threads_reach_the_detector_too(shared, tmp_path, folder, monkeypatch):
    from mmpose_amfac.runtime import detector
    opened, start = [], detector.open_engine
    monkeypatch.setattr(detector, 'open_engine', lambda *args, **kwargs: opened.append(kwargs['threads'])
                        or start(*args, **kwargs))
    options = ['--model', str(shared / 'models' / 'tinypose_128x96_heatmap.onnx'), '--det',
               str(shared / 'models' / 'rtmdet_nano_person.onnx'), '--threads', '1', '--out', str(tmp_path / 'out')]
    assert main(['predict', str(folder), *options, '--no-draw']) == 0
    assert main(['demo', '--image', str(folder / 'a.jpg'), *options]) == 0
    assert opened == [1, 1]


@pytest.mark.parametrize('options, message', [
    (['--model', 'none.onnx'], 'model file none.onnx does not exist'),
    (['--model', 'none.onnx', '--weights', 'w.pth'], '--weights belongs to a config file'),
    (['--threads', '2'], '--threads belongs to an exported file'),
    (['--manifest', 'm.json'], '--manifest belongs to an exported file'),
    (['--padding', '1.1'], '--padding belongs to an exported file'),
    (['--decode', 'kernel=3'], '--decode belongs to an exported file'),
    (['--model', 'photo.jpg'], '; or give a config (.py) or, to predict, an exported .onnx, .xml or .engine file'),
    (['--backend', 'onnxruntime', '--model', 'nonsense'], "no packaged model file 'nonsense'"),
    (['--backend', 'caffe'], "invalid choice: 'caffe'"), (['--threads', '0'], "'0' must be a whole number")])
def test_options_of_exported_files(capsys, folder, tmp_path, options, message):
    arguments = ['predict', str(folder), '--det', 'whole_image', '--out', str(tmp_path / 'out'), *options]
    assert_refused(arguments, message, capsys)


def test_backends_are_those_of_the_runtime():
    from mmpose_amfac.cli import predict
    from mmpose_amfac.runtime import engines
    assert predict.BACKENDS == engines.BACKENDS

"""amfacpose verify: exit code 0 for a good file, 1 for another one, 2 for a call that cannot be answered, 3 where
nothing can judge."""

from pathlib import Path

import pytest

from mmpose_amfac.cli.main import main
from mmpose_amfac.manifest import Manifest

pytest.importorskip('onnx')


@pytest.fixture(scope='module')
def exported(tmp_path_factory, model_options, astronaut):
    import cv2
    folder = tmp_path_factory.mktemp('verify')
    (folder / 'pictures').mkdir()
    cv2.imwrite(str(folder / 'pictures' / 'a.png'), astronaut)
    file = folder / 'model.onnx'
    assert main(['export', *model_options[:4], '--images', str(folder / 'pictures'), '--out', str(file)]) == 0
    return file


@pytest.fixture
def source(model_options):
    """A config file is not run on a manifest's word."""
    return ['--config', model_options[1]]


def test_passed(capsys, exported, source):
    capsys.readouterr()
    assert main(['verify', str(exported), *source, '--images', str(exported.parent / 'pictures')]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('against torch: max ') and lines[-1].startswith('passed on 1 crops of pictures')


def test_rejected(capsys, exported, tmp_path, source):
    import onnx
    model = onnx.load(exported)
    # random weights: what decides the joints is the last bias
    tensor, = (t for t in model.graph.initializer if t.name.endswith('mlp_x.2.bias'))
    values = onnx.numpy_helper.to_array(tensor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values[::-1].copy(), tensor.name))
    onnx.save(model, tmp_path / 'model.onnx')
    Manifest.read(Manifest.path_of(exported)).write(tmp_path / 'model.onnx')
    assert main(['verify', str(tmp_path / 'model.onnx'), *source]) == 1
    out = capsys.readouterr().out
    assert 'rejected: joints differ from torch' in out and out.splitlines()[-1].startswith('rejected on 24 crops')
    assert Manifest.read(tmp_path / 'model.onnx.json').verification['status'] == 'rejected'


def test_a_rejection_that_another_check_found_stays(capsys, exported, tmp_path, source):
    (tmp_path / 'model.onnx').write_bytes(exported.read_bytes())
    manifest = Manifest.read(Manifest.path_of(exported))
    manifest.verification = dict(status='rejected')
    manifest.write(tmp_path / 'model.onnx')
    assert main(['verify', str(tmp_path / 'model.onnx'), *source]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith('passed on 24 crops') and lines[-2].startswith('the manifest stays rejected')


def test_int8_without_annotations_is_judged_by_nobody(capsys, exported, tmp_path, source):
    (tmp_path / 'model.onnx').write_bytes(exported.read_bytes())
    manifest = Manifest.read(Manifest.path_of(exported))
    manifest.precision, manifest.verification = 'int8', dict(status='unverified')
    manifest.write(tmp_path / 'model.onnx')
    assert main(['verify', str(tmp_path / 'model.onnx'), *source]) == 3
    assert 'AP unverified: give annotations with --ann FILE' in capsys.readouterr().out


def test_mistakes_are_one_line(capsys, exported, tmp_path, model_options):
    config = tmp_path / 'other.py'
    config.write_text(Path(model_options[1]).read_text() + 'another = 1\n')
    other = tmp_path / 'model.onnx'
    other.write_bytes(b'x')
    assert main(['verify', str(other)]) == 2
    other.with_name('model.onnx.json').write_bytes(Manifest.path_of(exported).read_bytes())
    assert main(['verify', str(other)]) == 2
    assert main(['verify', str(exported), '--config', str(config)]) == 2
    assert main(['verify', str(exported)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert main(['verify', 'nothere.onnx']) == 2
    lines += capsys.readouterr().err.splitlines()
    assert lines[4] == 'amfacpose: error: nothere.onnx does not exist; give a file that amfacpose export wrote'
    assert len(lines) == 5 and all(line.startswith('amfacpose: error: ') for line in lines)
    assert 'cannot be read' in lines[0] and 'has the sha256' in lines[1] and 'is not the config of this' in lines[2]
    assert f'give --config {model_options[1]}' in lines[3]

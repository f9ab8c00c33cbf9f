"""tools/deploy.py: what it prints, its exit codes, and what it says of TensorRT."""

import sys
from types import SimpleNamespace

import pytest

from mmpose_amfac.deploy import convert as module
from mmpose_amfac.deploy.places import make_folder
from mmpose_amfac.errors import AMFACError, MissingPackageError
from tools import deploy


@pytest.mark.parametrize('status, code', [('passed', 0), ('rejected', 1), ('unverified', 3)])
def test_exit_codes(capsys, monkeypatch, tmp_path, status, code):
    report = dict(status=status, reasons=[], boxes=7, max_px=0.012, limit_px=0.1, score_max=2e-4, score_limit=1e-3,
                  left_out=0.125, samples='4 pictures', backend='onnxruntime', precision='fp32')
    monkeypatch.setattr(module, 'convert', lambda *_: module.Conversion([tmp_path / 'end2end.onnx'], report))
    monkeypatch.setattr(sys, 'argv', ['deploy.py', 'd.py', 'm.py', 'w.pth', '--work-dir', 'x', '--verbose'])
    assert deploy.main() == code
    assert capsys.readouterr().out.splitlines() == [
        'against torch: max 0.012 px of the network input (limit 0.1 px) over 7 boxes; 12.5% left out (no counterpart)',
        'scores: max 0.0002 (limit 0.001)', f'{status} on 4 pictures, onnxruntime fp32',
        str(tmp_path / 'end2end.onnx')]


def test_what_int8_has_no_limit_for_is_told():
    report = dict(status='unverified', reasons=[], joints=8, compared=7, max_px=1.0, limit_px=None, score_max=0.5,
                  score_limit=0.2, raw_max=0.5, raw_limit=None, left_out=1 / 8, samples='crops', backend='tensorrt',
                  precision='int8')
    assert module.told(report)[:3] == [
        'against torch: max 1 px of the network input (no limit) over 7 of 8 joints; 12.5% left out (no clear best '
        'bin)',
        'scores: max 0.5 (limit 0.2)', 'outputs: max 0.5 of the largest value (no limit)']


def test_tensorrt_is_told_with_its_gpu_and_version():
    absent = SimpleNamespace(is_available=lambda: False)
    with pytest.raises(MissingPackageError, match="an NVIDIA GPU and TensorRT 8, .*pip install 'tensorrt<9'"):
        module._available('tensorrt', absent, 'cuda:0')
    with pytest.raises(MissingPackageError, match='needs openvino: python -m pip install openvino'):
        module._available('openvino', absent, 'cpu')


@pytest.mark.parametrize('folder, message', [
    ('/proc/new', 'cannot be written'), ('/proc', 'cannot be written'), ('file.txt', 'file.txt is a file'),
    ('file.txt/a/b', 'file.txt is a file'), ('x' * 300, 'File name too long')])
def test_folders_that_cannot_be_written(tmp_path, monkeypatch, folder, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file.txt').write_text('')
    with pytest.raises(AMFACError, match=message) as raised:
        make_folder('--work-dir X', folder)
    assert str(raised.value).startswith('--work-dir X') and '\n' not in str(raised.value)


def test_a_folder_is_made_and_left_empty(tmp_path):
    make_folder('--out X', tmp_path / 'a' / 'b', 'c.json')
    assert not list((tmp_path / 'a' / 'b').iterdir())

"""amfacpose export: the file, its manifest, a short report, exit codes."""

import json
from types import SimpleNamespace

import pytest

from mmpose_amfac.cli.export import BACKENDS, PRECISIONS
from mmpose_amfac.cli.main import main

pytest.importorskip('onnx')


def options(model_options):
    # export always runs on the CPU
    return model_options[:4]


def test_report_and_files(capsys, tmp_path, folder, model_options):
    out = tmp_path / 'new' / 'model.onnx'
    assert main(['export', *options(model_options), '--dynamic-batch', '--images', str(folder), '--out',
                 str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'{out}  ') and lines[0].endswith(' MB, batch any, onnxruntime fp32')
    assert any(line.startswith('  applied: ') for line in lines)
    assert any(line.startswith('  against torch: max ') and 'limit 0.1 px' in line and '% left out' in line
               for line in lines)
    assert lines[-1].startswith('  passed on 2 crops of pictures of pictures, onnxruntime ')
    manifest = json.loads((tmp_path / 'new' / 'model.onnx.json').read_text())
    assert manifest['batch'] == 0 and manifest['source']['model'] == model_options[1]
    assert manifest['verification']['status'] == 'passed'
    assert sorted(f.name for f in out.parent.iterdir()) == ['model.onnx', 'model.onnx.json']


def test_default_name_tells_model_backend_and_precision(capsys, tmp_path, monkeypatch, folder, model_options):
    pytest.importorskip('openvino')
    monkeypatch.chdir(tmp_path)
    assert main(['export', *options(model_options), '--backend', 'openvino', '--images', str(folder)]) == 0
    assert capsys.readouterr().out.startswith('small_openvino_fp32.xml  ')
    manifest = json.loads((tmp_path / 'small_openvino_fp32.xml.json').read_text())
    assert list(manifest['files']) == ['small_openvino_fp32.xml', 'small_openvino_fp32.bin']
    assert manifest['batch'] == 1


@pytest.mark.parametrize('arguments, message', [
    (['--backend', 'coreml'], "invalid choice: 'coreml'"), (['--batch', '2', '--dynamic-batch'], 'not allowed with'),
    (['--images', 'a', '--ann', 'b'], 'not allowed with'), (['--batch', 'x'], 'invalid int value')])
def test_wrong_calls(capsys, arguments, message):
    with pytest.raises(SystemExit) as leaving:
        main(['export', *arguments])
    error = capsys.readouterr().err
    assert leaving.value.code == 2 and message in error and error.count('\n') == 1


@pytest.mark.parametrize('arguments, message', [
    (['--precision', 'fp16', '--backend', 'torchscript'], "precision='fp16' is not available"),
    (['--batch', '0'], 'batch=0'), (['--ann', 'none.json'], 'annotations none.json cannot be read'),
    (['--images', 'none'], 'none'), (['--image-root', 'x'], '--image-root belongs to --ann'),
    (['--weights', 'none.pth'], 'none.pth does not exist')])
def test_mistakes_are_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(['export', *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith('amfacpose: error: ') and message in error and error.count('\n') == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('verification, code', [
    (dict(status='passed'), 0), (dict(status='rejected'), 1), (dict(status='unverified'), 3),
    (dict(status='passed', manifest='stays rejected'), 1), (dict(status='unverified', manifest='stays rejected'), 1)])
@pytest.mark.parametrize('verb', ['export', 'verify'])
def test_exit_codes(capsys, tmp_path, monkeypatch, verb, verification, code):
    from mmpose_amfac.deploy import export, verify
    report = dict(reasons=[], samples=dict(crops=1, description='crops'), engine='e', device='d', **verification)
    (tmp_path / 'm.onnx').write_bytes(b'x')
    manifest = SimpleNamespace(files=['m.onnx'], batch=0, backend='onnx', precision='int8', verification=report,
                               source=dict(applied=[], skipped=[]))
    monkeypatch.setattr(export, 'export', lambda *_: (tmp_path / 'm.onnx', manifest))
    monkeypatch.setattr(verify, 'verify_file', lambda *_: report)
    assert main([verb, *(['m.onnx'] if verb == 'verify' else [])]) == code
    assert capsys.readouterr().out.splitlines()[-1].strip() == f'{verification["status"]} on 1 crops, e, d'


@pytest.mark.parametrize('verb', ['export', 'verify'])
def test_help_tells_the_exit_codes(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, '--help'])
    words = ' '.join(capsys.readouterr().out.split())
    assert all(f'{code}: ' in words for code in (0, 1, 2, 3)) and '3: unverified' in words


def test_choices_are_those_of_the_manifest():
    from mmpose_amfac import manifest
    assert (BACKENDS, PRECISIONS) == (manifest.BACKENDS, manifest.PRECISIONS)

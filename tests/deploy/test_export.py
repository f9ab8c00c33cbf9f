"""Exports of the packaged network: the joints of torch on real crops, manifests, refusals."""

import json

import numpy as np
import pytest

from mmpose_amfac.deploy import export as module
from mmpose_amfac.deploy.export import export
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.manifest import Manifest

pytest.importorskip('onnx')
SUFFIXES = dict(onnx='onnx', onnxruntime='onnx', openvino='xml', torchscript='ts')


@pytest.fixture(scope='session')
def crops(real_data, tmp_path_factory):
    """``ann`` and ``image_root`` of 24 real pictures with people."""
    content = json.loads((real_data / 'coco_dev.json').read_text())
    content['images'] = content['images'][:24]
    kept = {image['id'] for image in content['images']}
    content['annotations'] = [a for a in content['annotations'] if a['image_id'] in kept]
    path = tmp_path_factory.mktemp('crops') / 'some.json'
    path.write_text(json.dumps(content))
    return dict(ann=path, image_root=real_data)


@pytest.mark.slow
@pytest.mark.parametrize('backend, precision', [
    ('onnx', 'fp32'), ('onnxruntime', 'fp32'), ('openvino', 'fp32'), ('torchscript', 'fp32'), ('onnx', 'fp16'),
    ('onnxruntime', 'fp16'), ('openvino', 'fp16')])
def test_joints_of_torch_on_real_crops(tmp_path, crops, backend, precision):
    path, manifest = export(out=tmp_path / f'model.{SUFFIXES[backend]}', backend=backend, precision=precision,
                            dynamic_batch=True, **crops)
    result = manifest.verification
    assert result['status'] == 'passed', result['reasons']
    assert result['samples']['crops'] >= 16 and result['batches'] == [1, 3]
    assert result['max_px'] <= (1e-3 if precision == 'fp32' else 1.0) and result['left_out'] < 0.1
    assert abs(result['ap'] - result['ap_torch']) <= 0.005 and result['ap_torch'] > 0.05
    assert Manifest.read(Manifest.path_of(path)) == manifest
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted([*manifest.files, path.name + '.json'])


@pytest.mark.slow
def test_fixed_batch_and_half_weights(tmp_path, crops):
    import onnx
    full, fixed = export(out=tmp_path / 'full.onnx', batch=2, **crops)
    half, manifest = export(out=tmp_path / 'half.onnx', batch=2, half_weights=True, **crops)
    assert fixed.batch == 2 and fixed.verification['batches'] == [1, 2, 3]
    assert onnx.load(full).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    assert half.stat().st_size < 0.6 * full.stat().st_size
    assert manifest.verification['status'] == 'passed' and manifest.verification['limit_px'] == 1.0
    assert manifest.precision == 'fp32' and manifest.source['half_weights']


@pytest.fixture(scope='module')
def packaged(tmp_path_factory):
    pytest.importorskip('mmpose')
    return export(out=tmp_path_factory.mktemp('packaged') / 'model.onnx', backend='onnx', dynamic_batch=True)


@pytest.mark.slow
@pytest.mark.parametrize('backend, precision', [('onnxruntime', 'fp32'), ('openvino', 'fp32'), ('onnx', 'fp16')])
def test_fitted_scores_are_in_the_graph(tmp_path, astronaut, backend, precision):
    """A config with a calibration: the file has torch's scores, which are others than without it."""
    from mmpose_amfac import model_index
    from mmpose_amfac.apis import TorchEstimator
    from mmpose_amfac.runtime import AMFACPose
    model, box = model_index.find('amfacpose'), [[18, 16, 362, 511]]
    unfitted = model.config.with_name('amfacpose_r18_1xb64-10e_real-packed-128x96.py')
    config = tmp_path / 'fitted.py'
    config.write_text(f'_base_ = {str(model.config)!r}\n'
                      'model = dict(head=dict(calibration=dict(slope=[1.8] * 17, offset=[2.5] * 17)))\n')
    path, manifest = export(config, model.weights, tmp_path / f'fitted.{SUFFIXES[backend]}', backend, precision)
    assert manifest.verification['status'] == 'passed', manifest.verification['reasons']
    plain, fitted = (TorchEstimator(one, model.weights, device='cpu')(astronaut, box).keypoint_scores
                     for one in (unfitted, config))
    found = AMFACPose(path, threads=1)(astronaut, box).keypoint_scores
    np.testing.assert_allclose(found, fitted, atol=1e-4 if precision == 'fp32' else 0.02)
    assert np.abs(fitted - plain).max() > 0.1


def test_manifest_tells_everything(packaged, root):
    from mmpose_amfac.files import sha256
    path, manifest = packaged
    assert manifest.files == {'model.onnx': sha256(path)}
    assert manifest.input_size == (96, 128) and manifest.batch == 0 and manifest.opset == 17
    assert manifest.decode == dict(rule='simcc', split_ratio=2.0, window=10)
    assert manifest.channel_order == 'rgb' and manifest.mean[0] == 123.675 and manifest.padding == 1.25
    assert manifest.skeleton.flip_indices[:3] == [0, 2, 1]
    source = manifest.source
    assert source['model'] == 'amfacpose' and 'amfacpose' in source['aliases'] and len(source['config_sha256']) == 64
    assert source['weights_sha256'] == sha256(root / 'mmpose_amfac/weights/amfacpose_r18_128x96.pth')
    assert 'Conv' in source['operators'] and 'Softplus' not in source['operators'] and source['applied']
    assert {'torch', 'onnx', 'mmpose_amfac'} <= manifest.versions.keys()
    verification = manifest.verification
    assert verification['status'] == 'passed' and verification['samples']['crops'] == 24
    assert verification['device'].startswith('CPU') and verification['engine'].startswith('onnxruntime ')


def test_graph_ends_in_peak_normalised_vectors(packaged):
    import onnx

    from mmpose_amfac.runtime.engines import open_engine
    path, _ = packaged
    engine = open_engine(path)
    assert engine.input_shape == (None, 3, 128, 96) and engine.output_names == ('simcc_x', 'simcc_y')
    x, y = engine(np.random.default_rng(0).normal(size=(2, 3, 128, 96)))
    assert x.shape == (2, 17, 192) and y.shape == (2, 17, 256)
    assert all(v.min() > 0 and v.max() <= 1 + 1e-6 for v in (x, y))
    assert {n.domain for n in onnx.load(path).graph.node} <= {'', 'ai.onnx'}


def test_a_wrong_file_is_kept_and_marked_and_the_runtime_refuses_it(tmp_path, monkeypatch, capsys):
    from mmpose_amfac.cli.main import main
    from mmpose_amfac.runtime import AMFACPose
    deployable = module.deployable

    def shifted(*args):
        network, rewrites = deployable(*args)
        network.model.head.mlp_x[2].bias.data += 3 * (network.model.head.mlp_x[2].bias > 0)
        return network, rewrites

    monkeypatch.setattr(module, 'deployable', shifted)
    path = tmp_path / 'wrong.onnx'
    assert main(['export', '--out', str(path)]) == 1
    out = capsys.readouterr().out
    assert 'rejected: joints differ from torch by up to' in out
    assert Manifest.read(Manifest.path_of(path)).verification['status'] == 'rejected'
    with pytest.raises(AMFACError, match='rejected'):
        AMFACPose(path, detector='whole_image')


@pytest.mark.slow
def test_values_that_are_not_finite_are_rejected(tmp_path, monkeypatch):
    deployable = module.deployable

    def broken(*args):
        network, rewrites = deployable(*args)
        network.model.head.mlp_x[2].bias.data[:] = np.nan
        return network, rewrites

    monkeypatch.setattr(module, 'deployable', broken)
    _, manifest = export(out=tmp_path / 'nan.onnx')
    assert manifest.verification['status'] == 'rejected'
    assert 'not finite' in manifest.verification['reasons'][0]


def test_an_operator_outside_the_standard_is_an_error_and_nothing_is_left(tmp_path, monkeypatch):
    import onnx

    def foreign(path, inputs):
        model = onnx.load(path)
        model.graph.node[0].domain = 'com.example'
        onnx.save(model, path)

    form = module.FORMATS['onnx']
    monkeypatch.setitem(module.FORMATS, 'onnx', form._replace(steps=dict(form.steps, fp32=foreign)))
    with pytest.raises(AMFACError, match='outside standard ONNX: com.example'):
        export(out=tmp_path / 'model.onnx', backend='onnx')
    assert not list(tmp_path.iterdir())


def test_annotations_of_other_joints_are_refused_before_anything_is_written(tmp_path, monkeypatch, astronaut):
    import cv2
    cv2.imwrite(str(tmp_path / 'a.png'), astronaut)
    entry = dict(id=1, image_id=1, category_id=1, bbox=[40, 0, 430, 512], keypoints=[5, 5, 2], num_keypoints=1, area=9)
    (tmp_path / 'ann.json').write_text(json.dumps(dict(images=[dict(id=1, file_name='a.png')], annotations=[entry])))
    monkeypatch.setattr(module, 'deployable', None)
    with pytest.raises(AMFACError, match='keypoints must be 51 numbers'):
        export(out=tmp_path / 'm.onnx', ann=tmp_path / 'ann.json')


def test_torch_without_the_word_for_tracing(tmp_path, monkeypatch):
    import torch

    from mmpose_amfac.deploy.onnx_file import write_onnx
    seen = {}

    def older(model, args, f, opset_version, input_names, output_names, dynamic_axes):
        seen.update(opset_version=opset_version)

    monkeypatch.setattr(torch.onnx, 'export', older)
    write_onnx(torch.nn.Identity(), torch.zeros(1), tmp_path / 'm.onnx', outputs=('y', ))
    assert seen == dict(opset_version=17)


@pytest.mark.parametrize('changes, message', [
    (dict(backend='coreml'), "backend='coreml' is not known; allowed: 'onnx', 'onnxruntime'"),
    (dict(precision='bf16'), "precision='bf16' is not available for backend='onnxruntime'; available: fp32, fp16"),
    (dict(backend='torchscript', precision='fp16', out='a.ts'), 'available: fp32'),
    (dict(batch=0), 'batch=0 must be an integer, at least 1'),
    (dict(batch=4, dynamic_batch=True), 'exclude each other'),
    (dict(opset=99), 'opset=99 is not known; allowed: 13'),
    (dict(half_weights=True, precision='fp16'), 'half_weights belongs to'),
    (dict(config='amfacposs'), "unknown model 'amfacposs'"),
    (dict(config='none.py'), 'needs its weights'),
    (dict(images='x', ann='y'), '--images and --ann exclude each other'),
    (dict(out='a.xml'), 'must end in .onnx'),
    (dict(out='.'), 'is a folder'),
    (dict(out='file.txt/a.onnx'), 'file.txt is a file; give a folder'),
    (dict(out='/proc/new/a.onnx'), '--out /proc/new/a.onnx cannot be written: '),
    (dict(out='/proc/a.onnx'), '--out /proc/a.onnx cannot be written: '),
    (dict(out='x' * 300 + '.onnx'), '.onnx cannot be written: File name too long'),
])
def test_errors(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file.txt').write_text('')
    with pytest.raises(AMFACError, match='^[^\n]*$') as raised:
        export(**{'out': 'a.onnx', **changes})
    assert message in str(raised.value)
    assert [f.name for f in tmp_path.iterdir()] == ['file.txt']


def test_other_heads_are_refused(tmp_path):
    import mmpose

    from mmpose_amfac.paths import WEIGHTS, mim_root
    config = next((mim_root() / 'configs').rglob('amfacpose_r18_1xb64-1e_real-128x96.py'))
    other = tmp_path / 'other.py'
    folder = f'{mmpose.__path__[0]}/.mim/configs/body_2d_keypoint'
    other.write_text(f"_base_ = '{folder}/simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py'\n"
                     "model = dict(backbone=dict(init_cfg=None))\n")
    weights = WEIGHTS / 'amfacpose_r18_128x96.pth'
    with pytest.raises(AMFACError, match='builds a SimCCHead; only models with AMFACHead'):
        export(other, weights, tmp_path / 'a.onnx')
    plain = tmp_path / 'plain.py'
    plain.write_text(f"_base_ = '{config}'\nmodel = dict(data_preprocessor=dict(mean=None, std=None))\n")
    with pytest.raises(AMFACError, match='must be a PoseDataPreprocessor with mean and std'):
        export(plain, weights, tmp_path / 'a.onnx')


@pytest.mark.parametrize('backend, package', [('onnx', 'onnx'), ('openvino', 'openvino'), ('tensorrt', 'tensorrt')])
def test_missing_package_names_the_command(tmp_path, monkeypatch, backend, package):
    import sys
    find = module.find_spec
    monkeypatch.setattr(module, 'find_spec', lambda name: None if name == package else find(name))
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(MissingPackageError, match=f'backend={backend} needs .*pip install .*{package}'):
        export(backend=backend, out=tmp_path / 'a.onnx')

"""What a file is taken for, with and without its manifest."""

import json

import numpy as np
import pytest

from mmpose_amfac import paths
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.contract import packaged
from mmpose_amfac.skeletons import COCO17


def fields(path, **changes):
    arguments = dict(model='small', files={path.name: ''}, skeleton=COCO17, input_size=(24, 32),
                     outputs=('simcc_x', 'simcc_y'), decode=dict(rule='simcc', split_ratio=2.0, window=3), padding=1.1)
    return Manifest(**arguments | changes)


def test_rtmpose_style_file_is_recognised(simcc_file):
    manifest = AMFACPose(simcc_file).manifest
    assert manifest.decode == dict(rule='simcc', split_ratio=2.0, window=0)
    assert manifest.skeleton == COCO17 and manifest.input_size == (24, 32) and manifest.padding == 1.25
    assert manifest.channel_order == 'rgb' and manifest.mean == (123.675, 116.28, 103.53)


def test_heatmap_file_is_recognised(heatmap_file):
    assert AMFACPose(heatmap_file).manifest.decode == dict(rule='heatmap', stride=4, refine='dark', kernel=11)


@pytest.mark.parametrize('ratio', [1.5, 3.0])
def test_ratio_and_joints_are_those_of_the_outputs(tmp_path, make_file, ratio):
    estimator = AMFACPose(make_file(tmp_path / 'f.onnx', joints=5, ratio=ratio))
    assert estimator.manifest.decode['split_ratio'] == ratio
    assert estimator.num_keypoints == 5 and not estimator.skeleton.flip_pairs
    with pytest.raises(AMFACError, match='flip needs the flip_pairs'):
        AMFACPose(tmp_path / 'f.onnx', flip=True)


@pytest.mark.parametrize('name', ['movenet_thunder_256.onnx', 'rtmdet_nano_person.onnx'])
def test_other_real_files_are_refused(shared, name):
    with pytest.raises(AMFACError, match='takes the input') as error:
        AMFACPose(shared / 'models' / name)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('arguments', [
    # 41 bins for 24 pixels and 54 for 32; one vector only; one too many
    dict(ratio=1.7), dict(outputs=('only', )), dict(outputs=('a', 'b', 'c'))])
def test_other_outputs_are_refused(tmp_path, make_file, arguments):
    path = make_file(tmp_path / 'f.onnx', **arguments)
    with pytest.raises(AMFACError, match='f.onnx gives') as error:
        AMFACPose(path)
    assert '\n' not in str(error.value)


def test_sidecar_is_read(simcc_file, tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    fields(path).write(path)
    estimator = AMFACPose(path)
    assert estimator.manifest.decode['window'] == 3 and estimator.padding == 1.1


@pytest.mark.parametrize('as_path', [True, False])
def test_manifest_from_elsewhere(tmp_path, make_file, as_path):
    path, other = make_file(tmp_path / 'f.onnx'), tmp_path / 'other' / 'f.onnx'
    manifest = fields(path)
    sidecar = manifest.write(path)
    other.parent.mkdir()
    path.rename(other)
    assert AMFACPose(other, manifest=sidecar if as_path else manifest).padding == 1.1


def test_fields_can_be_replaced(tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    fields(path).write(path)
    manifest = AMFACPose(path, manifest=dict(padding=1.3, decode=dict(window=1))).manifest
    assert manifest.padding == 1.3 and manifest.decode == dict(rule='simcc', split_ratio=2.0, window=1)
    heatmaps = make_file(tmp_path / 'h.onnx', 'heatmap')
    assert AMFACPose(heatmaps, manifest=dict(decode=dict(refine='quarter'))).manifest.decode['refine'] == 'quarter'


def test_file_that_was_changed_is_refused(tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    fields(path).write(path)
    make_file(path, seed=1)
    with pytest.raises(AMFACError, match='f.onnx has the sha256 .* its manifest says'):
        AMFACPose(path)


@pytest.mark.parametrize('stale', [True, False])
def test_manifest_is_read_before_the_file_is_opened(tmp_path, make_file, monkeypatch, stale):
    """A file that was cut off, and one that is rejected: neither reaches the engine."""
    path = make_file(tmp_path / 'f.onnx')
    fields(path, verification=dict(status='unverified' if stale else 'rejected')).write(path)
    if stale:
        path.write_bytes(path.read_bytes()[:500])
    monkeypatch.setattr('mmpose_amfac.runtime.estimator.open_engine', lambda *args: pytest.fail('opened'))
    with pytest.raises(AMFACError, match='f.onnx has the sha256' if stale else 'marked as rejected'):
        AMFACPose(path)


def test_file_that_is_replaced_between_two_openings(tmp_path, make_file, astronaut):
    path = make_file(tmp_path / 'f.onnx')
    fields(path).write(path)
    estimator = AMFACPose(path, threads=2, streams=2, piece=1)
    make_file(path, seed=1)
    with pytest.raises(AMFACError, match='f.onnx has the sha256'):
        estimator(astronaut, [[0, 0, 9, 9], [0, 0, 8, 8]])


def test_rejected_file_is_refused_unless_asked_for(tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    fields(path, verification=dict(status='rejected')).write(path)
    with pytest.raises(AMFACError, match='marked as rejected'):
        AMFACPose(path)
    AMFACPose(path, manifest=dict(verification=dict(status='unverified')))


@pytest.mark.parametrize('changes, message', [
    (dict(outputs=('x', 'y')), 'has the outputs simcc_x, simcc_y; its manifest needs x, y'),
    (dict(outputs=('simcc_y', 'simcc_x')), r'gives simcc_y \(17, 64\)'),
    (dict(decode=dict(rule='simcc', split_ratio=3.0)), r'its manifest means simcc_x \(17, 72\)'),
    (dict(input_size=(48, 64)), r'takes the input \(any, 3, 32, 24\)'),
    (dict(files={'g.onnx': ''}), 'is for g.onnx'),
    (dict(decode=dict(rule='heatmap'), outputs=('simcc_x', )), 'its manifest means')])
def test_manifest_that_does_not_fit(tmp_path, make_file, changes, message):
    path = make_file(tmp_path / 'f.onnx')
    make_file(tmp_path / 'g.onnx')
    fields(path, **changes).write(path)
    with pytest.raises(AMFACError, match=message) as error:
        AMFACPose(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('changes, message', [
    (dict(input_name='nonsense'), "f.onnx has the input input; its manifest has input_name='nonsense'"),
    (dict(batch=7), r'takes the input \(any, 3, 32, 24\), so batch must be 0 \(any\); its manifest has batch=7'),
    (dict(backend='tensorrt'), "is a file for onnx or onnxruntime; its manifest has backend='tensorrt'")])
@pytest.mark.parametrize('sidecar', [True, False])
def test_manifest_of_another_file(tmp_path, make_file, sidecar, changes, message):
    path = make_file(tmp_path / 'f.onnx')
    if sidecar:
        fields(path, **changes).write(path)
    with pytest.raises(AMFACError, match=message) as error:
        AMFACPose(path, manifest=None if sidecar else changes)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('batch', [3, 'batch'])
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_batch_and_back_end_of_the_file(tmp_path, make_file, backend, batch):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    path = make_file(tmp_path / 'f.onnx', batch=batch)
    right = 0 if batch == 'batch' else batch
    guessed = AMFACPose(path, backend=backend).manifest
    assert (guessed.backend, guessed.batch, guessed.input_name) == ('onnx', right, 'input')
    fields(path, backend='onnxruntime', batch=right).write(path)
    assert AMFACPose(path, backend=backend).manifest.batch == right
    fields(path, batch=4).write(path)
    with pytest.raises(AMFACError, match=f'batch must be {right}'):
        AMFACPose(path, backend=backend)


def test_back_end_of_an_xml(tmp_path, simcc_file):
    openvino = pytest.importorskip('openvino')
    from mmpose_amfac.runtime.openvino_engine import openvino_core
    openvino.save_model(openvino_core().read_model(simcc_file), tmp_path / 'm.xml', compress_to_fp16=False)
    assert AMFACPose(tmp_path / 'm.xml').manifest.backend == 'openvino'
    with pytest.raises(AMFACError, match="is a file for openvino; its manifest has backend='onnx'"):
        AMFACPose(tmp_path / 'm.xml', manifest=dict(backend='onnx'))


def test_fields_from_a_file(tmp_path, make_file):
    """As from a dict; a whole manifest is known by its format."""
    path, file = make_file(tmp_path / 'f.onnx'), tmp_path / 'fields.json'
    fields(path).write(path)
    file.write_text('{"padding": 1.3, "decode": {"window": 1}}')
    manifest = AMFACPose(path, manifest=file).manifest
    assert manifest.padding == 1.3 and manifest.decode == dict(rule='simcc', split_ratio=2.0, window=1)
    for content, message in (('{"colour": "rgb"}', 'fields.json has the unknown field colour; known: model, '),
                             ('[1]', 'fields.json has another format'), ('{', 'fields.json is not JSON'),
                             ('{"format": "x"}', 'fields.json has another format'),
                             ('{"files": {}}', 'fields.json has the field files, which only a whole manifest')):
        file.write_text(content)
        with pytest.raises(AMFACError, match=message):
            AMFACPose(path, manifest=file)


def test_files_cannot_be_replaced(tmp_path, make_file):
    """A file would be taken for another one than its manifest and checksum are of."""
    path = make_file(tmp_path / 'f.onnx')
    fields(path).write(path)
    make_file(path, seed=1)
    with pytest.raises(AMFACError, match='manifest has the field files'):
        AMFACPose(path, manifest=dict(files={'f.onnx': ''}))


@pytest.mark.parametrize('file, other, right', [('simcc_file', 'heatmap', 'simcc'),
                                                ('heatmap_file', 'simcc', 'heatmap')])
def test_rule_for_other_outputs(request, file, other, right):
    with pytest.raises(AMFACError, match=f"decode.rule must be '{right}', not '{other}'"):
        AMFACPose(request.getfixturevalue(file), manifest=dict(decode=dict(rule=other)))


@pytest.mark.parametrize('overrides, message', [
    (dict(colour='rgb'), 'unknown field colour'), (dict(padding=-1), 'padding=-1'),
    (dict(decode=dict(rule='regression')), "decode.rule='regression'"), (dict(decode=dict(window=-1)), 'window'),
    (dict(outputs=None), 'outputs=None must be a list with 2 entries'), (dict(skeleton=3), 'skeleton=3 must be'),
    (dict(input_size=[10**9, 10**9]), 'at most 8192'), (dict(source=[]), 'source'), (5, 'manifest=5 must be'),
    (dict(decode=3), 'decode must be an object'),
    (dict(input_size='large'), 'input_size')])
def test_overrides_that_are_wrong(simcc_file, overrides, message):
    with pytest.raises(AMFACError, match=message):
        AMFACPose(simcc_file, manifest=overrides)


def test_broken_manifest_is_one_line(tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    Manifest.path_of(path).write_text('{')
    with pytest.raises(AMFACError, match='f.onnx.json is not JSON'):
        AMFACPose(path)


def test_packaged_files_by_name_and_alias(tmp_path, make_file, monkeypatch):
    monkeypatch.setattr(paths, 'WEIGHTS', tmp_path)
    with pytest.raises(AMFACError, match="no packaged model file 'amfacpose'; known: none"):
        AMFACPose()
    path = make_file(tmp_path / 'f.onnx')
    fields(path, model='amfacpose_small', source=dict(aliases=['amfacpose'])).write(path)
    assert packaged() == dict(amfacpose_small=path, amfacpose=path)
    assert AMFACPose().weights == AMFACPose('AMFACPose_small').weights == path


@pytest.mark.parametrize('content', [b'[1]', b'{"format": "mmpose_amfac manifest 1"}'])
def test_manifest_of_another_kind(tmp_path, make_file, content):
    path = make_file(tmp_path / 'f.onnx')
    Manifest.path_of(path).write_bytes(content)
    with pytest.raises(AMFACError, match='f.onnx.json'):
        AMFACPose(path)


def test_manifest_lists_survive_json(tmp_path, make_file):
    path = make_file(tmp_path / 'f.onnx')
    sidecar = fields(path).write(path)
    assert json.loads(sidecar.read_text())['skeleton']['flip_pairs'][0] == [1, 2]
    assert AMFACPose(path, flip=True).skeleton == COCO17
    assert np.isclose(AMFACPose(path).padding, 1.1)

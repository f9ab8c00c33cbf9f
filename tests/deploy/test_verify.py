"""What a verification finds, and what it leaves in the manifest."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mmpose_amfac import paths
from mmpose_amfac.deploy.export import export
from mmpose_amfac.deploy.vectors import Vectors, clear
from mmpose_amfac.deploy.verify import told, verify_file
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime import AMFACPose

pytest.importorskip('onnx')


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    pytest.importorskip('mmpose')
    folder = tmp_path_factory.mktemp('exported')
    export(out=folder / 'model.onnx', backend='onnx', dynamic_batch=True)
    return folder


@pytest.fixture
def file(exported, tmp_path) -> Path:
    """A copy of an exported file and its manifest."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return tmp_path / 'model.onnx'


def change(file, edit):
    """Change the graph and let the manifest vouch for it."""
    import onnx
    model = onnx.load(file)
    edit(model.graph)
    onnx.save(model, file)
    Manifest.read(Manifest.path_of(file)).write(file)


def scale_a_weight(graph):
    import onnx
    # the largest one
    tensor = max(graph.initializer, key=lambda t: int(np.prod(t.dims)))
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * np.float32(1.5), tensor.name))


def reverse_a_weight(graph):
    import onnx
    tensor = max(graph.initializer, key=lambda t: int(np.prod(t.dims)))
    values = onnx.numpy_helper.to_array(tensor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values[::-1, ::-1]), tensor.name))


def swap_outputs(graph):
    names = {'simcc_x': 'simcc_y', 'simcc_y': 'simcc_x'}
    for node in graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = names[output.name]


def test_repeats_what_export_found(file):
    before = file.with_name('model.onnx.json').read_bytes()
    report = verify_file(file)
    assert report['status'] == 'passed' and report == Manifest.read(Manifest.path_of(file)).verification
    assert file.with_name('model.onnx.json').read_bytes() == before
    assert any(line.startswith('against torch: max ') for line in told(report))


@pytest.mark.parametrize('edit, reason', [
    (scale_a_weight, 'joints differ from torch by up to'),
    (swap_outputs, 'the output simcc_x has the shape (24, 17, 256), the network gives (24, 17, 192)')])
def test_a_changed_graph_is_rejected_and_refused(file, edit, reason):
    change(file, edit)
    report = verify_file(file)
    assert report['status'] == 'rejected' and reason in report['reasons'][0]
    assert Manifest.read(Manifest.path_of(file)).verification['status'] == 'rejected'
    with pytest.raises(AMFACError, match='rejected'):
        AMFACPose(file, detector='whole_image')


def test_a_file_that_does_not_open_is_rejected(file):
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(AMFACError, match='has the sha256 .*, its manifest says'):
        verify_file(file)
    Manifest.read(Manifest.path_of(file)).write(file)
    report = verify_file(file)
    assert report['status'] == 'rejected' and 'not a usable ONNX file' in report['reasons'][0]
    assert str(file.parent) not in report['reasons'][0]


@pytest.fixture
def ann(tmp_path, astronaut):
    """One person, annotated where the network sees it."""
    import cv2

    from mmpose_amfac.apis import TorchEstimator
    cv2.imwrite(str(tmp_path / 'a.png'), astronaut)
    poses = TorchEstimator('amfacpose', device='cpu')(astronaut, [[40, 0, 470, 512]])
    points = np.concatenate([poses.keypoints[0], np.full((17, 1), 2)], axis=1)
    entry = dict(id=1, image_id=1, category_id=1, bbox=[40, 0, 430, 512], area=430 * 512, iscrowd=0, num_keypoints=17,
                 keypoints=points.ravel().tolist())
    path = tmp_path / 'ann.json'

    def write(**changes):
        path.write_text(json.dumps(dict(images=[dict(id=1, file_name='a.png')], annotations=[{**entry, **changes}],
                                        categories=[dict(id=1, name='person')])))
        return path

    return write


def test_ap_is_measured_with_annotations(file, ann):
    report = verify_file(file, ann=ann())
    assert report['status'] == 'passed' and report['ap_persons'] == 1
    assert report['ap'] == report['ap_torch'] == pytest.approx(1)
    # an AP says more than the manifest did
    assert Manifest.read(Manifest.path_of(file)).verification == report
    assert 'AP 1.0000, torch 1.0000 (1 persons)' in told(report)


@pytest.mark.parametrize('changes, message', [
    (dict(keypoints=[5, 5, 2]), r'annotations\[0\].keypoints must be 51 numbers'),
    (dict(area='x'), r"annotations\[0\].area='x' must be a number")])
def test_annotations_that_give_no_ap_are_an_error_not_a_rejection(file, ann, changes, message):
    with pytest.raises(AMFACError, match=message):
        verify_file(file, ann=ann(**changes))
    assert Manifest.read(Manifest.path_of(file)).verification['status'] == 'passed'


def test_int8_is_judged_by_its_ap(file, ann):
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision, manifest.verification = 'int8', dict(status='unverified')
    manifest.write(file)
    report = verify_file(file)
    assert report['status'] == report['ap'] == 'unverified' and report['limit_px'] is None
    assert 'AP unverified' in '\n'.join(told(report))
    assert verify_file(file, ann=ann())['status'] == 'passed'
    # a check without annotations does not take that back
    assert verify_file(file)['status'] == 'unverified'
    assert Manifest.read(Manifest.path_of(file)).verification['status'] == 'passed'


@pytest.mark.parametrize('precision, status', [('int8', 'unverified'), ('fp32', 'passed')])
@pytest.mark.parametrize('changes, reason', [
    (dict(num_keypoints=0), 'no annotated person counts'), (dict(keypoints=None), 'boxes but no key points')])
def test_an_ap_that_cannot_be_measured_is_no_pass(file, ann, precision, status, changes, reason):
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision, manifest.verification = precision, dict(status='unverified')
    manifest.write(file)
    path = ann(**changes)
    if changes == dict(keypoints=None):
        content = json.loads(path.read_text())
        del content['annotations'][0]['keypoints']
        path.write_text(json.dumps(content))
    report = verify_file(file, ann=path)
    assert report['status'] == status and report['ap'] == 'unverified' and reason in report['ap_reason']
    assert f'AP unverified: {report["ap_reason"]}' in told(report)


def test_a_weaker_check_does_not_lift_a_rejection(file, tmp_path, astronaut, ann):
    import cv2
    good = file.read_bytes()
    change(file, scale_a_weight)
    (tmp_path / 'pictures').mkdir()
    cv2.imwrite(str(tmp_path / 'pictures' / 'a.png'), astronaut)
    assert verify_file(file)['status'] == 'rejected'
    # the rejection is of other bytes now, which stands for a check that misses the fault
    file.write_bytes(good)
    Manifest.read(Manifest.path_of(file)).write(file)

    def recorded():
        return Manifest.read(Manifest.path_of(file)).verification['status']

    report = verify_file(file, images=tmp_path / 'pictures')
    assert report['status'] == 'passed' and recorded() == 'rejected'
    assert any('the manifest stays rejected' in line for line in told(report))
    assert verify_file(file)['status'] == recorded() == 'passed'
    # one that an AP found needs an AP
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.verification |= dict(status='rejected', ap=0.1)
    manifest.write(file)
    assert verify_file(file)['status'] == 'passed' and recorded() == 'rejected'
    assert verify_file(file, ann=ann())['status'] == recorded() == 'passed'


def test_an_ap_that_is_lost_rejects(file, ann):
    change(file, reverse_a_weight)
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision = 'int8'
    manifest.write(file)
    report = verify_file(file, ann=ann())
    assert report['status'] == 'rejected' and report['reasons'][0].startswith('AP ')


@pytest.mark.parametrize('source, message', [
    (dict(model='evil.py'), 'names the config evil.py, which is code .*give --config evil.py'),
    (dict(model='evil.py', weights='evil.pth'), '--config'),
    (dict(weights='https://localhost:9/evil.pth'), 'localhost:9/evil.pth.*not fetched.*give --weights FILE.pth'),
    (dict(weights=['x']), 'give --weights'), (dict(model=3), 'give --config'), (dict(model='nobody'), 'unknown model')])
def test_a_manifest_runs_no_code_and_fetches_nothing(file, tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'evil.py').write_text("open('executed', 'w').close()\n")
    (tmp_path / 'evil.pth').write_bytes(b'')
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.source |= source
    manifest.write(file)
    with pytest.raises(AMFACError, match=message) as raised:
        verify_file(file)
    assert '\n' not in str(raised.value)
    assert not (tmp_path / 'executed').exists()


def test_a_config_without_a_backbone(file, tmp_path):
    (tmp_path / 'c.py').write_text("model = dict(type='TopdownPoseEstimator')\n")
    with pytest.raises(AMFACError, match='c.py has no model.backbone'):
        verify_file(file, tmp_path / 'c.py', paths.WEIGHTS / 'amfacpose_r18_128x96.pth')


def test_needs_the_model_that_it_was_made_of(file, tmp_path):
    import torch
    manifest = Manifest.read(Manifest.path_of(file))
    packaged = paths.WEIGHTS / 'amfacpose_r18_128x96.pth'
    torch.save(torch.load(packaged, weights_only=True) | dict(note='another file'), tmp_path / 'other.pth')
    with pytest.raises(AMFACError, match='other.pth is not the weights of this file: sha256 .*--weights'):
        verify_file(file, weights=tmp_path / 'other.pth')
    manifest.source |= dict(weights='gone/weights.pth')
    manifest.write(file)
    with pytest.raises(AMFACError, match='gone/weights.pth, .*does not exist here; give it with --weights'):
        verify_file(file)
    assert verify_file(file, 'amfacpose', packaged)['status'] == 'passed'
    manifest.source = {}
    manifest.write(file)
    with pytest.raises(AMFACError, match='give --config CONFIG --weights FILE.pth'):
        verify_file(file)


def test_a_manifest_of_another_file(file):
    shutil.copy(file, file.with_name('b.onnx'))
    shutil.copy(f'{file}.json', file.with_name('b.onnx.json'))
    with pytest.raises(AMFACError, match='belongs to model.onnx'):
        verify_file(file.with_name('b.onnx'))
    with pytest.raises(AMFACError, match='cannot be read'):
        verify_file(file.with_name('c.onnx'))


def vectors(*values, bins=8):
    """One joint, the same row on both axes, with ``values`` as (bin, value)."""
    row = np.full((1, 1, bins), 0.01, np.float32)
    for place, value in values:
        row[..., place] = value
    return Vectors(row, row)


@pytest.mark.parametrize('values, single, windowed', [
    ([(2, 1.0)], True, True),
    ([(2, 1.0), (3, 0.9995)], False, True),  # between two bins: an expectation does not care
    ([(2, 1.0), (4, 0.9995)], False, False),
    ([(2, 1.0), (6, 0.9995)], False, False),
    ([(2, 1.0), (6, 0.998)], True, True),
    ([(2, 0.1), (6, 0.09995)], False, False),  # of the peak
])
def test_clear(values, single, windowed):
    assert clear(vectors(*values), 0).item() == single
    assert clear(vectors(*values), 3).item() == windowed


def test_one_axis_without_a_lead_is_enough():
    sure, unsure = vectors((2, 1.0)).x, vectors((2, 1.0), (6, 1.0)).x
    assert not clear(Vectors(sure, unsure), 0).item() and not clear(Vectors(unsure, sure), 2).item()


def test_nothing_to_compare_is_a_rejection(file, monkeypatch):
    from mmpose_amfac.deploy import verify as module
    monkeypatch.setattr(module, 'clear', lambda wanted, window: np.zeros(wanted.x.shape[:2], bool))
    report = verify_file(file)
    assert report['status'] == 'rejected' and 'nothing to compare' in report['reasons'][0]
    assert report['left_out'] == 1.0 and report['max_px'] is None


@pytest.mark.parametrize('field, value', [('padding', 2.0), ('decode', dict(rule='simcc', window=0)),
                                          ('mean', [0, 0, 0]), ('channel_order', 'bgr'),
                                          ('std', [1, 1, 1])])
def test_a_manifest_of_another_contract_is_refused(file, field, value):
    """Both sides of the comparison go by the manifest, so an edit there would not show."""
    sidecar = Manifest.path_of(file)
    content = json.loads(sidecar.read_text())
    content[field] = value
    sidecar.write_text(json.dumps(content))
    with pytest.raises(AMFACError, match=f'another {field} than the trained model'):
        verify_file(file)

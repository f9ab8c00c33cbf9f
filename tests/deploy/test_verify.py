"""What a verification finds, and what it leaves in the manifest."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mmpose_amfac import paths
from mmpose_amfac.deploy import verify as module
from mmpose_amfac.deploy.export import export
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.vectors import Vectors, clear
from mmpose_amfac.deploy.verdict import exit_code, wrong_scores
from mmpose_amfac.deploy.verify import PERSONS, told, verify_file
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
    (swap_outputs, 'the output simcc_x has the shape (24, 17, 256), torch gives (24, 17, 192)')])
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
    """Persons annotated where the network sees them: one picture many times."""
    import cv2

    from mmpose_amfac.apis import TorchEstimator
    cv2.imwrite(str(tmp_path / 'a.png'), astronaut)
    poses = TorchEstimator('amfacpose', device='cpu')(astronaut, [[40, 0, 470, 512]])
    points = np.concatenate([poses.keypoints[0], np.full((17, 1), 2)], axis=1)
    entry = dict(category_id=1, bbox=[40, 0, 430, 512], area=430 * 512, iscrowd=0, num_keypoints=17,
                 keypoints=points.ravel().tolist())
    path = tmp_path / 'ann.json'

    def write(count=PERSONS, **changes):
        path.write_text(json.dumps(dict(
            images=[dict(id=i, file_name='a.png') for i in range(count)], categories=[dict(id=1, name='person')],
            annotations=[dict(entry, id=i + 1, image_id=i, **changes) if i == 0 or 'keypoints' not in changes else
                         dict(entry, id=i + 1, image_id=i) for i in range(count)])))
        return path

    return write


def test_ap_is_measured_with_annotations(file, ann):
    report = verify_file(file, ann=ann())
    assert report['status'] == 'passed' and report['ap_persons'] == PERSONS
    assert report['ap'] == report['ap_torch'] == pytest.approx(1)
    # an AP says more than the manifest did
    assert Manifest.read(Manifest.path_of(file)).verification == report
    assert f'AP 1.0000, torch 1.0000 ({PERSONS} persons)' in told(report)


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
    assert report['status'] == 'unverified' and 'ap' not in report and report['limit_px'] is None
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
    path = ann(1, **changes)
    if changes == dict(keypoints=None):
        content = json.loads(path.read_text())
        del content['annotations'][0]['keypoints']
        path.write_text(json.dumps(content))
    report = verify_file(file, ann=path)
    assert report['status'] == status and 'ap' not in report and reason in report['ap_reason']
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


def scale_outputs(graph):
    """Joints stay, scores are a hundredth."""
    from onnx import helper, numpy_helper
    names = [output.name for output in graph.output]
    for node in graph.node:
        node.output[:] = [f'{name}_whole' if name in names else name for name in node.output]
    graph.initializer.append(numpy_helper.from_array(np.float32(0.01), 'hundredth'))
    graph.node.extend(helper.make_node('Mul', [f'{name}_whole', 'hundredth'], [name], f'{name}_mul') for name in names)


@pytest.mark.parametrize('precision, half, reasons', [
    ('fp16', False, ['bins', 'scores']), ('fp32', True, ['bins', 'scores']), ('fp32', False, ['bins', 'scores']),
    ('int8', False, ['scores'])])
def test_wrong_scores_are_rejected_in_every_precision(file, precision, half, reasons):
    change(file, scale_outputs)
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision = precision
    manifest.source['half_weights'] = half
    manifest.write(file)
    report = verify_file(file)
    assert report['status'] == 'rejected' and report['max_px'] < 1e-3
    assert [reason.partition(' differ from torch')[0] for reason in report['reasons']] == reasons
    assert all(' by up to 0.99' in reason or precision == 'int8' for reason in report['reasons'])


@pytest.mark.parametrize('precision, one, all_', [('fp32', 0.01, 5e-4), ('fp16', 0.1, 0.01), ('int8', None, 0.04)])
def test_int8_may_move_single_scores(precision, one, all_):
    like = np.full((4, 17), 0.8)
    like[0, 0] = 1
    single, many = like.copy(), like - all_
    single[1, 1] -= one or 0.7
    assert bool(wrong_scores(single, like, precision)) == (one is not None)
    assert not wrong_scores(many, like, precision)
    reason, = wrong_scores(like - 2 * all_ - 0.01, like, precision)
    assert ('on average' in reason) == (precision == 'int8')


def altered(monkeypatch, batch, edit):
    """Let the file's vectors at this batch size be others."""
    run = module.run

    def other(engine, manifest, crops, size):
        found = run(engine, manifest, crops, size)
        return edit(found) if size == batch else found

    monkeypatch.setattr(module, 'run', other)


def test_a_bin_far_from_the_peak_is_judged(file, monkeypatch):
    def edit(found):
        x = found.x.copy()
        best = x.argmax(-1)
        # half the axis away: beyond the window that is decoded
        far = ((best + x.shape[-1] // 2) % x.shape[-1])[..., None]
        np.put_along_axis(x, far, np.take_along_axis(x, far, -1) + 0.01 * x.max(-1, keepdims=True), -1)
        return Vectors(x, found.y)

    altered(monkeypatch, 1, edit)
    report = verify_file(file)
    assert report['status'] == 'rejected' and report['max_px'] < 1e-3 and report['score_max'] < 1e-3
    reason, = report['reasons']
    assert reason == 'bins differ from torch by up to 0.01 of the peak, more than 0.001 of the peak'


def test_batches_must_agree(file, monkeypatch):
    def edit(found):
        # the middle of the window moves by thousandths of a pixel, every bin by less than its limit or its lead
        offset = np.arange(found.x.shape[-1]) - found.x.argmax(-1)[..., None]
        side = np.where(np.abs(offset) > 1, np.sign(offset), 0)
        return Vectors(found.x * (1 + 9e-4 * side).astype(np.float32), found.y)

    altered(monkeypatch, 3, edit)
    report = verify_file(file)
    assert report['status'] == 'rejected' and report['batch_px'] > 1e-3
    assert report['reasons'] == [f'batches of 1 and 3 differ by up to {report["batch_px"]:.3g} px, more than 0.001 px']


def test_a_fixed_batch_of_one_has_nothing_to_compare_it_with(tmp_path):
    path, manifest = export(out=tmp_path / 'one.onnx')
    report = manifest.verification
    assert report['batches'] == [1] and report['batch_px'] is None
    assert not any('batch' in line for line in told(report))


@pytest.mark.parametrize('ours, theirs, count, status, reason', [
    (0.704, 0.7, PERSONS, 'passed', None), (0.706, 0.7, PERSONS, 'rejected', 'AP 0.7060 instead of 0.7000'),
    (0.0, 0.0, PERSONS, 'unverified', 'an AP of torch below 0.05'), (0.052, 0.049, PERSONS, 'unverified', 'below 0.05'),
    (0.7, 0.7, PERSONS - 1, 'unverified', '19 persons are too few'), (0.5, 0.0, 1, 'rejected', 'AP 0.5000')])
def test_what_an_ap_says_of_int8(file, ann, monkeypatch, ours, theirs, count, status, reason):
    monkeypatch.setattr(module, 'average_precisions', lambda *_: [ours, theirs])
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision, manifest.verification = 'int8', dict(status='unverified')
    manifest.write(file)
    report = verify_file(file, ann=ann(count))
    assert report['status'] == status and (report['ap'], report['ap_torch']) == (ours, theirs)
    assert exit_code(report) == dict(passed=0, rejected=1, unverified=3)[status]
    assert Manifest.read(Manifest.path_of(file)).verification['status'] == status
    if reason:
        assert any(reason in line for line in told(report))


def test_pictures_that_are_missing_or_broken_are_no_fault_of_the_file(file, ann):
    """Of 70 pictures 64 are compared; the AP takes the others as well."""
    path = ann(70)
    taken = [people.image_id for people in samples((48, 64), ann=path).annotated.people(64)]
    content = json.loads(path.read_text())
    content['images'][next(i for i in range(70) if i not in taken)]['file_name'] = 'b.png'
    path.write_text(json.dumps(content))
    with pytest.raises(AMFACError, match='b.png, which .*ann.json names, does not exist; .*--image-root DIR'):
        verify_file(file, ann=path)
    path.with_name('b.png').write_bytes(b'no picture')
    with pytest.raises(AMFACError, match='picture b.png'):
        verify_file(file, ann=path)
    assert Manifest.read(Manifest.path_of(file)).verification['status'] == 'passed'


def test_a_rejection_on_few_persons_is_lifted_on_the_same_ones(file, ann):
    report = verify_file(file, ann=ann(2))
    assert report['status'] == 'passed' and 'too few' in report['ap_reason']
    manifest = Manifest.read(Manifest.path_of(file))
    # too few to say more than the manifest did
    assert manifest.verification['samples'] != report['samples']
    manifest.verification = report | dict(status='rejected', ap=0.1)
    manifest.write(file)
    assert 'manifest' in verify_file(file)
    assert 'manifest' not in verify_file(file, ann=ann(2))
    assert Manifest.read(Manifest.path_of(file)).verification == report


def test_the_manifest_stays_rejected_whatever_a_weaker_check_says(file):
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision, manifest.verification = 'int8', dict(status='rejected', ap=0.1)
    manifest.write(file)
    report = verify_file(file)
    assert report['status'] == 'unverified' and 'stays rejected' in report['manifest'] and exit_code(report) == 1


def test_an_ap_that_is_lost_rejects(file, ann):
    change(file, reverse_a_weight)
    manifest = Manifest.read(Manifest.path_of(file))
    manifest.precision = 'int8'
    manifest.write(file)
    report = verify_file(file, ann=ann())
    assert report['status'] == 'rejected' and any(reason.startswith('AP ') for reason in report['reasons'])


@pytest.mark.parametrize('source, message', [
    (dict(model='evil.py'), 'names the config evil.py, which is code .*give --config evil.py'),
    (dict(model='evil.py', weights='evil.pth'), '--config'),
    (dict(weights='https://localhost:9/evil.pth'), 'localhost:9/evil.pth.*not fetched.*give --weights FILE.pth'),
    (dict(weights='x' * 5000), 'does not exist here; give it with --weights'), (dict(model='nobody'), 'unknown model')])
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


@pytest.mark.parametrize('name, message', [
    ('nothere.onnx', 'nothere.onnx does not exist; give a file that amfacpose export wrote'),
    ('x' * 300 + '.onnx', 'does not exist'), ('model.onnx.json', r'must end in .engine, .onnx, .ts, .xml'),
    ('model', 'must end in'), ('lonely.onnx', 'manifest .*lonely.onnx.json cannot be read')])
def test_a_file_that_is_none_is_named_first(tmp_path, name, message):
    (tmp_path / 'lonely.onnx').write_bytes(b'')
    with pytest.raises(AMFACError, match=message):
        verify_file(tmp_path / name)


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
    ([(2, 1.0), (3, 1.0), (4, 1.0)], False, False),  # a run longer than half a side of the window
    ([(i, 1.0) for i in range(8)], False, False),
])
def test_clear(values, single, windowed):
    assert clear(vectors(*values), 0).item() == single
    assert clear(vectors(*values), 3).item() == windowed


@pytest.mark.parametrize('precision, wanted', [('fp32', True), ('fp16', False), ('int8', True)])
def test_a_lead_is_more_than_the_precision_may_be_wrong(precision, wanted):
    assert clear(vectors((2, 1.0), (6, 0.99)), 3, precision).item() == wanted
    assert clear(vectors((2, 1.0), (6, 0.97)), 3, precision).item()


@pytest.mark.parametrize('rival, wanted', [(0.995, False), (0.95, True)])
def test_clear_takes_vectors_without_a_softmax(rival, wanted):
    """Their peak may be negative; the lead counts by its size."""
    assert clear([axis - np.float32(9) for axis in vectors((2, 1.0), (6, rival))], 0).item() is wanted


def test_clear_takes_heatmaps_cell_by_cell():
    maps = np.zeros((1, 2, 4, 3), np.float32)
    maps[0, :, 1, 1] = 1
    maps[0, 1, 2, 1] = 0.9995
    assert clear([maps], 0).tolist() == [[True, False]]


def test_one_axis_without_a_lead_is_enough():
    sure, unsure = vectors((2, 1.0)).x, vectors((2, 1.0), (6, 1.0)).x
    assert not clear(Vectors(sure, unsure), 0).item() and not clear(Vectors(unsure, sure), 2).item()


def test_nothing_to_compare_is_a_rejection(file, monkeypatch):
    monkeypatch.setattr(module, 'clear', lambda wanted, window, precision: np.zeros(wanted.x.shape[:2], bool))
    report = verify_file(file)
    assert report['status'] == 'rejected' and 'nothing to compare' in report['reasons'][0]
    assert report['left_out'] == 1.0 and report['max_px'] is None


SKELETON = json.loads((paths.WEIGHTS / 'amfacpose_r18_128x96.onnx.json').read_text())['skeleton']


@pytest.mark.parametrize('field, value', [('padding', 2.0), ('decode', dict(rule='simcc', window=0)),
                                          ('mean', [0, 0, 0]), ('channel_order', 'bgr'), ('std', [1, 1, 1]),
                                          ('input_size', [128, 96]),
                                          ('skeleton', dict(SKELETON, sigmas=[1.0] * 17))])
def test_a_manifest_of_another_contract_is_refused(file, field, value):
    """Both sides of the comparison go by the manifest, so an edit there would not show."""
    sidecar = Manifest.path_of(file)
    content = json.loads(sidecar.read_text())
    content[field] = value
    sidecar.write_text(json.dumps(content))
    with pytest.raises(AMFACError, match=f'another {field} than the trained model'):
        verify_file(file)

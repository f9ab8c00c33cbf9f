"""People per second: the rows are there, and all systems see the same persons. Nothing is said about time."""

import numpy as np
import pytest

from benchmarks import people, tables
from benchmarks.results import read
from benchmarks.timing import rivals
from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose


def files(shared):
    return shared / 'models' / 'tinypose_256x192_simcc.onnx', shared / 'models' / 'rtmdet_nano_person.onnx'


@pytest.mark.parametrize('count, rows, columns', [(1, 1, 1), (4, 2, 2), (3, 2, 2), (16, 4, 4), (5, 2, 3)])
def test_each_box_of_a_mosaic_is_a_tile(astronaut, count, rows, columns):
    photograph = astronaut[:, :300]
    image, boxes = people.mosaic(photograph, count)
    height, width = people.TILE, round(300 * people.TILE / 512)
    assert image.shape == (rows * height, columns * width, 3) and boxes.shape == (count, 4)
    tiles = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.astype(int)]
    assert all(np.array_equal(tile, tiles[0]) for tile in tiles) and tiles[0].shape == (height, width, 3)
    assert len(np.unique(boxes, axis=0)) == count


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_rows(shared, tmp_path, backend, capsys, monkeypatch):
    pytest.importorskip('rtmlib')
    pytest.importorskip(backend)
    pose, det = files(shared)
    out = tmp_path / 'people.json'

    def clockwork(candidates, rounds, warm_up, pause):
        """rtmlib takes 0.3 s, all else 0.1 s; crop, decode and the rest of a call a tenth of the network."""
        for run in candidates.values():
            run()
        slow = {rivals.RTMLIB: 0.3, 'network': 1.0}
        return {key: np.full(rounds, slow.get(key if isinstance(key, str) else key[0], 0.1)) for key in candidates}

    monkeypatch.setattr(people, 'interleaved', clockwork)
    call = ['--pose', str(pose), '--det', str(det), '--people', '2', '--rounds', '1', '--threads', '2',
            '--backend', backend, '--against', 'rtmlib', '--out', str(out)]
    assert people.main(call) == 0
    named = {(row['system'], row['detector']): row for row in read(out, 'people')}
    rest = named.pop((people.REST, False))
    ours = (rivals.OURS, rivals.ONE, rivals.FULL, rivals.RTMLIB)
    assert set(named) == {(name, detector) for name in ours for detector in (False, True)} | {(rivals.NETWORK, False)}
    for (name, _), row in named.items():
        assert row['people'] == 2 and row['rounds'] == 2 and row['backend'] == backend and row['threads'] == 2
        assert row['seconds'] == [0.3 if name == rivals.RTMLIB else 0.1] * 3
        assert row['provider'] == ('CPU' if backend == 'openvino' else 'CPUExecutionProvider')
        assert len(row['pose_sha256']) == len(row['det_sha256']) == 64 and 'CPU' in row['id']
        assert {'mmpose_amfac', 'onnxruntime', 'rtmlib', backend} <= set(row['environment']['versions'])
        assert {'load', 'terms'} <= set(row) and min(row['plan']) >= 1
        assert name == rivals.RTMLIB or row['times_as_fast_as'][rivals.RTMLIB] == [3, 3, 3]
    assert named[rivals.ONE, False]['plan'] == [1, 1] and named[rivals.FULL, True]['plan'] == [1, rivals.BATCH]
    assert rest['people'] == 8 and rest['threads'] == 1
    assert rest['share'] == [0.1] * 3 and rest['seconds'] == [0.1] * 3 and rest['network_seconds'] == [1.0] * 3
    told = capsys.readouterr().out
    assert '2 people' in told and "10.0 % of the network's time" in told and rivals.FULL in told
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    assert f'| {backend}, 2 threads | 2 | yes | 20 | 20 | 20 | 7 |  | 3.00 [3.00, 3.00] |' in tables.shown('people')
    # nothing is missing, so nothing is opened
    monkeypatch.setattr(people, 'systems', None)
    monkeypatch.setattr(people, 'overhead', None)
    assert people.main(call) == 0 and 'times as fast' in capsys.readouterr().out


def test_a_picture_that_fails_stops_no_other_and_is_tried_again(shared, tmp_path, monkeypatch, capsys):
    pose, det = files(shared)
    out = tmp_path / 'people.json'
    call = ['--pose', str(pose), '--det', str(det), '--people', '1', '2', '--rounds', '1', '--threads', '1', '--out',
            str(out)]
    figures = dict(seconds=[0.1] * 3, times_as_fast_as={}, rounds=1, load=0.0)

    def fails(found, photograph, count, rounds):
        if count == 1:
            raise RuntimeError('no memory')
        return {(name, with_): figures for name in (rivals.OURS, rivals.ONE, rivals.FULL, rivals.NETWORK)
                for with_ in (False, True)}

    monkeypatch.setattr(people, 'measure', fails)
    monkeypatch.setattr(people, 'systems', lambda *args: None)
    monkeypatch.setattr(people, 'overhead', lambda *args: figures)
    assert people.main(call) == 1
    rows = read(out, 'people')
    assert {row['people'] for row in rows if row.get('reason') == 'RuntimeError: no memory'} == {1}
    assert {row['people'] for row in rows if 'seconds' in row} == {2, 8}
    monkeypatch.setattr(people, 'measure', lambda found, photograph, count, rounds: fails(None, None, 2, 1))
    assert people.main(call) == 0
    assert len(read(out, 'people')) == len(rows) and all('seconds' in row for row in read(out, 'people'))


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_all_systems_give_the_same_key_points(shared, astronaut, backend):
    """Ours among each other, and rtmlib's with what is its own (no window, the picture as RGB) taken out."""
    pytest.importorskip('rtmlib')
    pytest.importorskip(backend)
    pose, det = files(shared)
    found = rivals.systems(pose, det, backend, 2, rtmlib=True)
    image, boxes = people.mosaic(astronaut, 3)
    rivals.check(found, image, boxes)
    expected = AMFACPose(pose, None, backend, threads=2, manifest=dict(decode=dict(window=0)))(image, boxes)
    keypoints, _ = found[rivals.RTMLIB].pose(image[..., ::-1], boxes)
    sure = expected.keypoint_scores > 0.5
    assert sure.any()
    # its crops differ by a grey level here and there, which may move a joint by a bin, half a pixel of the crop
    pixel = geometry.boxes_to_center_scale(boxes, (192, 256))[1][0, 0] / 192
    distance = abs(keypoints - expected.keypoints)[sure]
    assert distance.max() < 0.51 * pixel and (distance < 0.1).mean() > 0.9
    # and the persons of all detectors are the same ones
    (ours, scores), theirs = found[rivals.OURS].detect(astronaut), found[rivals.RTMLIB].detect(astronaut)
    assert abs(ours[0] - theirs[0]).max() < 2 and scores[0] > 0.5


def test_ways_that_differ_are_refused(shared, astronaut):
    pose, det = files(shared)
    found = rivals.systems(pose, det, 'onnxruntime', 1, rtmlib=False)
    image, boxes = people.mosaic(astronaut, 1)
    moved = found[rivals.FULL]._replace(pose=lambda image, boxes: found[rivals.OURS].pose(image, boxes + 8))
    with pytest.raises(AMFACError, match='no time is taken'):
        rivals.check({**found, rivals.FULL: moved}, image, boxes)


def test_heatmaps_are_not_for_rtmlib(shared):
    pytest.importorskip('rtmlib')
    _, det = files(shared)
    with pytest.raises(AMFACError, match='SimCC vectors only'):
        rivals.systems(shared / 'models' / 'tinypose_256x192_heatmap.onnx', det, 'onnxruntime', 1, rtmlib=True)


def test_numbers_of_people_are_checked(shared):
    pose, det = files(shared)
    with pytest.raises(AMFACError, match='--people'):
        people.main(['--pose', str(pose), '--det', str(det), '--people', '0'])

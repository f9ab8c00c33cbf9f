"""MMDeploy's SDK: what it is told, and what it answers."""

import importlib.util
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mmpose_amfac import geometry

pytest.importorskip('mmdeploy', reason='mmdeploy has wheels for Linux on x86-64 and for Windows only')

SIZE = (96, 128)


@pytest.mark.slow
def test_the_files_of_the_sdk_say_simcc_label(converted_by_tool):
    tasks = json.loads((converted_by_tool / 'pipeline.json').read_text())['pipeline']['tasks']
    post = tasks[-1]
    assert post['component'] == 'SimCCLabelDecode'
    assert post['params']['type'] == 'SimCCLabel'
    assert post['params']['input_size'] == list(SIZE) and post['params']['simcc_split_ratio'] == 2.0
    assert 'AMFAC' not in json.dumps(tasks)
    assert json.loads((converted_by_tool / 'deploy.json').read_text())['models'][0]['net'] == 'end2end.onnx'
    assert json.loads((converted_by_tool / 'check.json').read_text())['status'] == 'passed'
    assert not list(converted_by_tool.glob('.convert-*'))


@pytest.mark.slow
def test_the_sdk_runs_the_packages(converted_by_tool, converted, estimator, astronaut, tmp_path, monkeypatch):
    """Its crop differs from ours in rounding and sampling; fed with it, our decoder gives the SDK's answer."""
    if importlib.util.find_spec('mmdeploy_runtime') is None:
        pytest.skip('mmdeploy-runtime has no wheel for this Python')
    rng = np.random.default_rng(0)
    boxes = np.array([80, 10, 400, 480]) + rng.uniform(-30, 30, (16, 4))
    boxes = np.concatenate([boxes, [[0, 0, 512, 512], [150, 0, 330, 250]]]).astype(np.float32)
    np.savez(tmp_path / 'in.npz', image=astronaut, boxes=boxes)
    code = ('import sys, numpy as np; from mmdeploy_runtime import PoseDetector; data = np.load(sys.argv[1]); '
            "np.save(sys.argv[3], np.array(PoseDetector(sys.argv[2], 'cpu', 0)(data['image'], data['boxes'])))")
    crops, centres, sizes = map(np.stack, zip(*(sdk_crop(astronaut, box) for box in boxes)))
    # vectors, decoded by the SDK (the best bin), and key points, decoded by the graph
    for package, window in ((converted_by_tool, 0), (converted[0] / 'sdk0', 0), (converted[0] / 'sdk10', 10)):
        done = subprocess.run([sys.executable, '-c', code, tmp_path / 'in.npz', package, tmp_path / 'out.npy'],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found = np.load(tmp_path / 'out.npy')
        monkeypatch.setattr(estimator, '_window', window)
        points, scores = estimator.forward(crops)
        zoom = sizes[:, None] / SIZE
        away = np.abs(found[..., :2] - estimator.to_image(points, centres, sizes)) / zoom
        assert away.max() < 1e-3
        np.testing.assert_allclose(found[..., 2], scores, atol=1e-4)
        # and the usual answer is near where the network is sure
        usual = estimator(astronaut, boxes)
        away = np.abs(found[..., :2] - usual.keypoints) / zoom
        assert np.median(away[usual.keypoint_scores > 0.5]) < 1.5


def sdk_crop(image, box):
    """The SDK's crop, its centre and its size in pixels of the picture."""
    size = np.array(SIZE)
    # the right and bottom edges count as inside
    centre, padded = (v[0] for v in geometry.boxes_to_center_scale(box + np.float32([0, 0, 1, 1]), SIZE))
    corner, extent = _whole(centre - padded / 2), _whole(padded)
    start = np.maximum(corner, 0)
    count = np.minimum(corner + extent, image.shape[1::-1]) - start
    zoom = size[0] / padded[0]
    left_top, covered = _whole((start - corner) * zoom), _whole(count * zoom)
    covered = np.minimum(left_top + covered, size) - left_top
    part = image[start[1]:start[1] + count[1], start[0]:start[0] + count[0]]
    crop = np.zeros((*size[::-1], 3), np.uint8)
    (x, y), (w, h) = left_top, covered
    crop[y:y + h, x:x + w] = cv2.resize(part, (int(w), int(h)))
    zoom = covered / count
    return crop, start + (count - 1) / 2 + (size / 2 - left_top - (covered - 1) / 2) / zoom, size / zoom


def _whole(values):
    # halves away from zero
    return (np.sign(values) * np.floor(np.abs(values) + 0.5)).astype(int)

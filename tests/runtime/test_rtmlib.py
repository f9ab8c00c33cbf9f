"""rtmlib runs our files unchanged.

Two habits of rtmlib are not ours. It hands the picture to the network in the channel order that it comes in, so that a
file made for RGB needs ``image[..., ::-1]``; and a joint's score is the mean of the peaks of its two vectors, here it
is the smaller one. It takes the best bin (``window=0``), pads boxes by 1.25 and computes its crops from three float32
points, which moves grey levels by one here and there: a joint whose two best bins are as good as equal may then go to
the other one.
"""

import numpy as np
import pytest

from mmpose_amfac import geometry
from mmpose_amfac.runtime import AMFACPose

BOXES = np.array([[18, 16, 362, 511], [-40, 100, 200, 700], [100, 60, 300, 400]], np.float32)
SMALL = np.array([[250, 10, 280, 300], [30, 300, 500, 340]], np.float32)


def run_both(path, size, image, boxes, padding=None):
    rtmlib = pytest.importorskip('rtmlib', reason='rtmlib is not installed: python -m pip install --no-deps rtmlib')
    theirs = rtmlib.RTMPose(onnx_model=str(path), model_input_size=size, to_openpose=False, backend='onnxruntime',
                            device='cpu')
    keypoints, scores = theirs(image[..., ::-1], bboxes=boxes.tolist())
    ours = AMFACPose(path, threads=1, manifest=dict(decode=dict(window=0), padding=1.25))(image, boxes)
    _, scale = geometry.boxes_to_center_scale(boxes, size, 1.25)
    distance = np.abs(ours.keypoints - keypoints).max(axis=2) * size[0] / scale[:, :1]
    return distance, ours.keypoint_scores, scores


@pytest.mark.slow
def test_our_file(packaged_pair, astronaut):
    estimator, path = packaged_pair
    distance, ours, theirs = run_both(path, estimator.input_size, astronaut, np.concatenate([BOXES, SMALL]))
    assert (distance < 0.01).mean() > 0.9
    # the mean of two peaks is not below the smaller one
    assert (theirs > ours - 0.01).all()
    assert distance[ours > 0.3].max(initial=0) < 0.51


def test_real_simcc_file(shared, astronaut):
    """PP-TinyPose with RTMPose's outputs: a joint that is sure lies within one bin, half a pixel."""
    path = shared / 'models' / 'tinypose_256x192_simcc.onnx'
    distance, ours, theirs = run_both(path, (192, 256), astronaut, BOXES)
    sure = ours > 0.5
    assert sure.sum() >= 8 and distance[sure].max() < 0.51 and (distance < 0.01).mean() > 0.9
    # both vectors are maxima of the same heatmap
    np.testing.assert_allclose(ours[sure], theirs[sure], atol=0.02)

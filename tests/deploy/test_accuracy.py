"""AP of made-up estimators on made-up persons."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from mmpose_amfac import geometry
from mmpose_amfac.deploy.accuracy import average_precisions
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.skeletons import COCO17

pytest.importorskip('pycocotools')
SIZE = (48, 64)
PERSONS = 5


@pytest.fixture
def annotated(tmp_path, astronaut):
    """Five persons on three pictures and a dog with as many joints, and the persons' joints in their crops."""
    cv2.imwrite(str(tmp_path / 'a.png'), astronaut)
    points = np.random.default_rng(0).uniform((5, 5), (43, 59), (PERSONS, 17, 2)).astype(np.float32)
    entries = []
    for i, image_id in enumerate((1, 1, 2, 3, 3)):
        bbox = [10 + 90 * i, 20 + 30 * i, 90, 120]
        center, scale = geometry.boxes_to_center_scale(geometry.xywh_to_xyxy([bbox]), SIZE, 1.25)
        placed = geometry.to_image(points[i:i + 1], center, scale, SIZE)[0]
        keypoints = np.concatenate([placed, np.full((17, 1), 2)], axis=1).ravel().tolist()
        entries.append(dict(id=i + 1, image_id=image_id, category_id=7, bbox=bbox, area=90 * 120, iscrowd=0,
                            num_keypoints=17, keypoints=keypoints))
    entries.append(dict(entries[0], id=9, category_id=8))
    path = tmp_path / 'ann.json'
    path.write_text(json.dumps(dict(
        images=[dict(id=i, file_name='a.png') for i in (1, 2, 3)], annotations=entries,
        categories=[dict(id=7, name='person'), dict(id=8, name='dog')])))
    return samples(SIZE, ann=path).annotated, points


def test_each_crop_gets_its_own_joints_and_dogs_do_not_count(annotated):
    """All pictures share a batch."""
    annotated, points = annotated
    seen = []

    def exact(crops):
        seen.append(len(crops))
        return points, np.ones((PERSONS, 17))

    def shifted(crops):
        return points + 20, np.ones((PERSONS, 17))

    assert average_precisions(annotated, COCO17, SIZE, 1.25, [exact, shifted]) == [pytest.approx(1), 0]
    assert seen == [PERSONS]


@pytest.mark.parametrize('sigma, wanted', [(0.01, 0), (10.0, 1)])
def test_the_skeletons_sigmas_count(annotated, sigma, wanted):
    annotated, points = annotated
    skeleton = dataclasses.replace(COCO17, sigmas=(sigma, ) * 17)
    found, = average_precisions(annotated, skeleton, SIZE, 1.25, [lambda crops: (points + 4, np.ones((PERSONS, 17)))])
    assert found == pytest.approx(wanted)

"""The AP that is cheap to take again equals pycocotools' own, and its interval is repeatable."""

import numpy as np
import pytest

from benchmarks.scoring.coco_ap import KeypointScores, resample
from mmpose_amfac.skeletons import COCO17


@pytest.fixture(scope='module')
def made_up():
    """40 pictures of 20 sources; each labelled person found with an error of its own, some twice, some not at all."""
    rng = np.random.default_rng(0)
    images, annotations, results = [], [], []
    for i in range(40):
        images.append(dict(id=i, coco_id=i // 2, file_name=f'{i}.jpg', width=400, height=400))
        for _ in range(int(rng.integers(0, 4))):
            points = rng.uniform(0, 300, (17, 2)).round()
            seen = rng.integers(0, 3, 17)
            annotations.append(dict(id=len(annotations) + 1, image_id=i, category_id=1, iscrowd=0, area=20000.0,
                                    bbox=[0, 0, 300, 300], num_keypoints=int((seen > 0).sum()),
                                    keypoints=np.c_[points, seen].ravel().tolist()))
            for _ in range(int(rng.integers(0, 3))):
                moved = points + rng.normal(0, rng.choice([1, 5, 15]), (17, 2))
                results.append(dict(image_id=i, category_id=1, score=float(rng.random()),
                                    keypoints=np.c_[moved, np.ones(17)].ravel().tolist()))
    # a person without joints hides the poses on it, and only the best 20 poses of a picture count
    images += [dict(id=40, coco_id=40, file_name='40.jpg', width=400, height=400),
               dict(id=41, coco_id=41, file_name='41.jpg', width=400, height=400)]
    for i, seen in ((40, 0), (41, 2)):
        points = np.full((17, 2), 150) + np.arange(17)[:, None]
        annotations.append(dict(id=len(annotations) + 1, image_id=i, category_id=1, iscrowd=0, area=20000.0,
                                bbox=[0, 0, 300, 300], num_keypoints=17 * (seen > 0),
                                keypoints=np.c_[points, np.full(17, seen)].ravel().tolist()))
        for rank in range(25):
            found = points + (0 if rank == 24 else 200)
            results.append(dict(image_id=i, category_id=1, score=0.99 - rank / 50,
                                keypoints=np.c_[found if seen else points, np.ones(17)].ravel().tolist()))
    return dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')]), results


def test_ap_of_all_pictures_is_that_of_pycocotools(made_up):
    scores = KeypointScores(*made_up, COCO17.sigmas)
    assert len(scores.groups) == 22
    assert 0.1 < scores.metrics['AP'] < 0.9
    assert scores.ap(range(22)) == pytest.approx(scores.metrics['AP'], abs=1e-9)


def test_ap_of_some_pictures_is_that_of_their_own_evaluation(made_up):
    content, results = made_up
    scores = KeypointScores(content, results, COCO17.sigmas)
    images = [i for i in content['images'] if i['coco_id'] < 7]
    kept = {i['id'] for i in images}
    part = {**content, 'images': images, 'annotations': [a for a in content['annotations'] if a['image_id'] in kept]}
    alone = KeypointScores(part, [r for r in results if r['image_id'] in kept], COCO17.sigmas)
    assert scores.ap(range(7)) == pytest.approx(alone.metrics['AP'], abs=1e-9)


def test_interval_holds_the_figure_and_is_repeatable(made_up):
    scores = KeypointScores(*made_up, COCO17.sigmas)
    low, high = scores.interval(200)
    assert low < scores.metrics['AP'] < high
    assert scores.interval(200) == (low, high) != scores.interval(200, seed=1)


def test_one_source_picture_has_no_spread():
    bounds, values = resample(lambda groups: 0.25 + groups.sum(), 1, resamples=7)
    assert bounds == (0.25, 0.25) and values.tolist() == [0.25] * 7

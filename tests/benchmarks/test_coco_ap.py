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
    (low, high), values = scores.resample(200)
    assert low < scores.metrics['AP'] < high and len(values) == 200
    assert scores.resample(200)[0] == (low, high) != scores.resample(200, seed=1)[0]


def test_one_source_picture_has_no_spread():
    bounds, values = resample(lambda groups: 0.25 + groups.sum(), [0], resamples=7)
    assert bounds == (0.25, 0.25) and values.tolist() == [0.25] * 7


def test_resamples_without_a_person_do_not_count(made_up):
    """Two of ten pictures have a person, five have neither a person nor a pose."""
    content, results = made_up
    person = next(a for a in content['annotations'] if a['num_keypoints'])
    content = dict(content, images=[dict(id=i, file_name=f'{i}.jpg') for i in range(10)],
                   annotations=[{**person, 'id': i, 'image_id': i} for i in (0, 1)])
    results = [dict(image_id=i, category_id=1, score=0.5, keypoints=person['keypoints']) for i in (0, 2, 3, 4)]
    scores = KeypointScores(content, results, COCO17.sigmas)
    assert scores.useful.tolist() == [0, 1, 2, 3, 4] and np.isnan(scores.ap([2, 3]))
    (low, high), values = scores.resample(1000)
    # 0.6 ** 5 of the resamples have none of the two
    assert 1000 - len(values) == pytest.approx(1000 * 0.6 ** 5, rel=0.35)
    assert 0 <= low < scores.metrics['AP'] < high <= 1 and not np.isnan(values).any()


def test_ids_of_annotations_do_not_matter(made_up):
    """pycocotools takes a match with the id 0 for none."""
    content, results = made_up
    wanted = KeypointScores(content, results, COCO17.sigmas).metrics
    for ids in (range(len(content['annotations'])), [7] * len(content['annotations'])):
        other = [{**a, 'id': i} for a, i in zip(content['annotations'], ids)]
        assert KeypointScores(dict(content, annotations=other), results, COCO17.sigmas).metrics == wanted

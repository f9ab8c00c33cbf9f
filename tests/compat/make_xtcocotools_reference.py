"""Writes xtcocotools_reference.json: the figures of the real xtcocotools 1.14.3 on real annotations.

The test of the stand-in evaluates the same cases. To make the file again, in a virtual environment of its own (a C
compiler is needed, torch and MMPose are not):

    pip install "numpy>=2,<2.4" "cython<3.2" "setuptools<81" wheel matplotlib
    pip install --no-deps --no-build-isolation --no-binary xtcocotools xtcocotools==1.14.3
    python tests/compat/make_xtcocotools_reference.py ../shared/data
"""

import contextlib
import copy
import gzip
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).with_name('xtcocotools_reference.json')
COCO_SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
CROWDPOSE_SIGMAS = np.array([79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89, 79, 79]) / 1000


def detections(truth: dict, noise: float, seed: int) -> list[dict]:
    """The truth with noise, some persons missed and some found twice, scored at random."""
    rng = np.random.default_rng(seed)
    found = []
    for person in truth['annotations']:
        for _ in range(rng.choice(3, p=(0.1, 0.7, 0.2)) if noise else 1):
            joints = np.array(person['keypoints'], float).reshape(-1, 3)
            size = np.sqrt(person['bbox'][2] * person['bbox'][3])
            joints[:, :2] += rng.normal(0, noise * size * rng.uniform(0.2, 2), (len(joints), 2))
            joints[:, 2] = rng.uniform(0.1, 1, len(joints))
            found.append(
                dict(
                    image_id=person['image_id'],
                    category_id=person['category_id'],
                    keypoints=joints.ravel().tolist(),
                    score=float(rng.uniform()),
                )
            )
    return found


def with_crowd_index(truth: dict) -> dict:
    """CrowdPose's form: hidden joints do not count, and every picture tells how much its persons overlap."""
    truth = copy.deepcopy(truth)
    truth['annotations'] = [person for person in truth['annotations'] if not person['iscrowd']]
    persons = {image['id']: [] for image in truth['images']}
    for person in truth['annotations']:
        joints = np.array(person['keypoints']).reshape(-1, 3)
        person['num_keypoints'] = int((joints[:, 2] == 2).sum())
        persons[person['image_id']].append((person['bbox'], joints[joints[:, 2] > 0, :2]))
    for image in truth['images']:
        shares = []
        for one, ((x, y, w, h), own) in enumerate(persons[image['id']]):
            others = [joints for two, (_, joints) in enumerate(persons[image['id']]) if two != one]
            inside = sum(((p >= (x, y)) & (p <= (x + w, y + h))).all(1).sum() for p in others)
            shares.append(min(inside / max(len(own), 1), 1))
        image['crowdIndex'] = float(np.mean(shares)) if shares else 0.0
    return truth


def cases(data: Path) -> dict[str, tuple[dict, list, dict]]:
    """Every case by name: annotations, detections and the arguments of COCOeval."""
    crops = json.loads(gzip.decompress((data / 'coco_dev.json.gz').read_bytes()))
    whole = json.loads(gzip.decompress((data / 'coco_full.json.gz').read_bytes()))
    with tarfile.open(data / 'small_sets.tar') as tar:
        sample = json.load(tar.extractfile('small_sets/crowdpose/test_crowdpose.json'))
    from_zero = copy.deepcopy(crops)
    for number, person in enumerate(from_zero['annotations']):
        person['id'] = number
    part_silent = detections(whole, 0.03, 5)
    for one in part_silent[::3]:
        one['keypoints'][2::3] = [0] * 17
    crowd, sparse = with_crowd_index(whole), with_crowd_index(crops)
    for image in sparse['images']:
        image['crowdIndex'] = 0.1
    crowded = dict(iouType='keypoints_crowd', sigmas=COCO_SIGMAS)
    unmarked = copy.deepcopy(crops)
    for person in unmarked['annotations']:
        del person['iscrowd'], person['num_keypoints']
    return {
        'perfect': (crops, detections(crops, 0, 0), {}),
        'noise': (crops, detections(crops, 0.03, 1), {}),
        'annotation ids from 0': (from_zero, detections(from_zero, 0.03, 1), {}),
        'no iscrowd, no num_keypoints': (unmarked, detections(unmarked, 0.03, 1), {}),
        'wider sigmas': (crops, detections(crops, 0.03, 2), dict(sigmas=COCO_SIGMAS * 1.5)),
        'areas from boxes': (crops, detections(crops, 0.03, 3), dict(use_area=False)),
        'crowd regions': (whole, detections(whole, 0.03, 4), {}),
        'a third without scores': (whole, part_silent, {}),
        'nothing found': (whole, [], {}),
        'crowd levels': (crowd, detections(crowd, 0.03, 6), crowded),
        'crowd levels, areas from boxes': (crowd, detections(crowd, 0.03, 7), crowded | dict(use_area=False)),
        'crowd levels, perfect': (crowd, detections(crowd, 0, 8), crowded),
        'easy level only': (sparse, detections(sparse, 0.03, 9), crowded),
        'CrowdPose sample': (
            sample,
            detections(sample, 0.03, 10),
            dict(iouType='keypoints_crowd', sigmas=CROWDPOSE_SIGMAS, use_area=False),
        ),
    }


def statistics(case: tuple[dict, list, dict], coco_class, eval_class) -> list[float]:
    """``COCOeval.stats`` of one case, through files as MMPose does it."""
    truth, found, arguments = case
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for name, content in (('truth', truth), ('found', found)):
            Path(folder, f'{name}.json').write_text(json.dumps(content))
        coco = coco_class(f'{folder}/truth.json')
        found = coco.loadRes(f'{folder}/found.json')
        evaluation = eval_class(coco, found, **dict(dict(iouType='keypoints'), **arguments))
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def main():
    from importlib.metadata import version

    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval

    figures = {name: statistics(case, COCO, COCOeval) for name, case in cases(Path(sys.argv[1])).items()}
    content = dict(xtcocotools=version('xtcocotools'), numpy=np.__version__, statistics=figures)
    REFERENCE.write_text(json.dumps(content, indent=1) + '\n')


if __name__ == '__main__':
    main()

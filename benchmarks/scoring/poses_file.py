"""COCO key point results in a file: those of others, and our own with the protocol beside them."""

import warnings
from pathlib import Path

from benchmarks.scoring.coco_ap import is_crowdpose
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import read_json, sha256, write_json
from mmpose_amfac.skeletons import COCO17

# what a results file does not tell by itself
UNKNOWN = dict(boxes=dict(source='unknown'), flip_test=None, score_mode=None, keypoint_score_thr=None, nms_mode=None,
               backend=None, precision=None)


def write_poses(path, results: list[dict], row: dict) -> None:
    """Write results, and ``NAME.protocol.json`` beside them, which :func:`declared` reads.

    Args:
        path: JSON file.
        results: COCO results.
        row: with the ``protocol`` that they were made by.
    """
    write_json(path, results)
    write_json(beside_of(path), dict(sha256=sha256(path), model=row['model'], protocol=row['protocol']))


def beside_of(path) -> Path:
    """Where the protocol of a results file stands."""
    return Path(path).with_suffix('.protocol.json')


def read_poses(path, content: dict, annotations) -> list[dict]:
    """Results of the chosen pictures.

    Args:
        path: JSON file, a list of COCO key point results.
        content: annotations of the chosen pictures.
        annotations: the file that they are from, which may have more pictures.

    Raises:
        AMFACError: another file, a picture that the annotations do not have, or another number of joints.
    """
    results = read_json(path, 'results')
    if not isinstance(results, list):
        raise AMFACError(f'{path} is not a list of COCO key point results')
    chosen, category = {image['id'] for image in content['images']}, content['categories'][0]['id']
    known = chosen | {image['id'] for image in read_json(annotations)['images']}
    joints = joints_of(content)
    for i, result in enumerate(results):
        where = f'{path}: [{i}]'
        if not isinstance(result, dict) or not {'image_id', 'category_id', 'keypoints', 'score'} <= result.keys():
            raise AMFACError(f'{where} must have image_id, category_id, keypoints and score')
        if result['image_id'] not in known:
            raise AMFACError(f'{where}.image_id={result["image_id"]!r} is not a picture of {annotations}')
        if len(result['keypoints']) != 3 * joints:
            raise AMFACError(f'{where}.keypoints must be {3 * joints} numbers (x, y, score of {joints} joints), got '
                             f'{len(result["keypoints"])}')
    return [r for r in results if r['image_id'] in chosen and r['category_id'] == category]


def declared(path, asked: dict) -> dict:
    """How the poses of a file were made: what stands beside it, or that it is unknown.

    Raises:
        AMFACError: it was written for another file, or the poses were made of other pictures than are asked for.
    """
    beside = beside_of(path)
    if not beside.is_file():
        return UNKNOWN
    found = read_json(beside, 'protocol')
    protocol = found.get('protocol') if isinstance(found, dict) else None
    if not isinstance(protocol, dict) or UNKNOWN.keys() - protocol.keys():
        raise AMFACError(f'{beside} is not a protocol; write it with --poses-out, or delete it')
    if found.get('sha256') != sha256(path):
        raise AMFACError(f'{beside} belongs to other poses than {path} has; write both with --poses-out, or delete it')
    if protocol['annotations_sha256'] != asked['annotations_sha256'] or protocol['pictures'] not in (
            'all', asked['pictures']):
        raise AMFACError(f'{path} has the poses of {protocol["annotations"]}, {protocol["pictures"]} pictures (by '
                         f'{beside.name}); asked for are {asked["annotations"]}, {asked["pictures"]} pictures')
    return {key: protocol[key] for key in UNKNOWN}


def joints_of(content: dict) -> int:
    """Joints of a person."""
    return len(content['annotations'][0]['keypoints']) // 3


def sigmas_of(content: dict, estimator=None) -> tuple:
    """OKS constants: the model's, else those of COCO or CrowdPose, by the annotations.

    Raises:
        AMFACError: the model has another number of joints than the annotations, or nothing tells the constants.
    """
    joints = joints_of(content)
    if estimator is not None:
        if estimator.joints != joints:
            raise AMFACError(f'{estimator.model} gives {estimator.joints} joints, the annotations have {joints}')
        if estimator.sigmas:
            return estimator.sigmas
    if joints == len(COCO17):
        return COCO17.sigmas
    if is_crowdpose(content):
        from mmpose.datasets.datasets import CrowdPoseDataset
        from mmpose.datasets.datasets.utils import parse_pose_metainfo
        with warnings.catch_warnings():
            # MMPose looks for its own metainfo in the current folder first and says so when it takes the installed one
            warnings.filterwarnings('ignore', message='The metainfo config file')
            return tuple(map(float, parse_pose_metainfo(CrowdPoseDataset.METAINFO)['sigmas']))
    raise AMFACError(f'the OKS constants of these {joints} joints are not known; give a --manifest with the skeleton')


def names_of(content: dict) -> list[str]:
    """Names of the joints: those of the annotations' category, else COCO's, else numbers."""
    joints = joints_of(content)
    names = content['categories'][0].get('keypoints') or ()
    if len(names) == joints:
        return list(names)
    return list(COCO17.joints) if joints == len(COCO17) else [f'joint_{i}' for i in range(joints)]

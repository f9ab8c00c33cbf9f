"""Put COCO key point annotations into the order of another skeleton, as a config's KeypointConverter does in training.

    python tools/convert_keypoints.py A.json CONFIG.py --out converted.json

The config's training data has a KeypointConverter; its metainfo names the joints. Joints that it has no source for are
not labelled. Exit codes: 0; 2: a wrong call or file.
"""

import argparse
import sys
from pathlib import Path

import mmpose_amfac  # noqa: F401
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import read_json, write_json


def converters(node) -> list[dict]:
    """Every KeypointConverter in a config, once."""
    if isinstance(node, dict):
        if node.get('type') == 'KeypointConverter':
            return [node]
        node = list(node.values())
    found = []
    for part in node if isinstance(node, (list, tuple)) else ():
        found += [one for one in converters(part) if one not in found]
    return found


def convert(content: dict, joints: list[str], mapping) -> None:
    """Reorder the joints of every annotation in place.

    Args:
        content: COCO key point annotations.
        joints: names of the new joints.
        mapping: pairs (old index, new index).

    Raises:
        AMFACError: an annotation without one of the old joints.
    """
    needed = 3 * (max(old for old, _ in mapping) + 1)
    for person in content['annotations']:
        old, new = person['keypoints'], [0] * (3 * len(joints))
        if len(old) < needed:
            raise AMFACError(f'annotation {person["id"]} has {len(old) // 3} joints, the mapping reads {needed // 3}')
        for source, target in mapping:
            new[3 * target:3 * target + 3] = old[3 * source:3 * source + 3]
        person.update(keypoints=new, num_keypoints=sum(v > 0 for v in new[2::3]))
    for category in content['categories']:
        category['keypoints'] = joints
        category.pop('skeleton', None)


def main(argv=None) -> int:
    """Write the converted annotations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path, metavar='A.json')
    parser.add_argument('config', type=Path, metavar='CONFIG.py')
    parser.add_argument('--out', type=Path, required=True, metavar='converted.json')
    args = parser.parse_args(argv)
    from mmengine.config import Config
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    if not args.config.is_file():
        raise AMFACError(f'config {args.config} does not exist')
    data = Config.fromfile(args.config).get('train_dataloader', {}).get('dataset', {})
    steps = converters(data)
    if len(steps) != 1 or 'metainfo' not in data:
        raise AMFACError(f'{args.config}: train_dataloader.dataset must have a metainfo and one KeypointConverter, it '
                         f'has {len(steps)}')
    if not all(isinstance(old, int) for old, _ in steps[0]['mapping']):
        raise AMFACError(f'{args.config}: the KeypointConverter takes the mean of joints, which is not a label; only '
                         'pairs of joints can be converted')
    joints = parse_pose_metainfo(data['metainfo'])['keypoint_id2name']
    content = read_json(args.annotations, 'annotations')
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in (
            'annotations', 'categories')) or not all('keypoints' in one for one in content['annotations']):
        raise AMFACError(f'{args.annotations} must have categories, and annotations with keypoints')
    convert(content, [joints[i] for i in sorted(joints)], steps[0]['mapping'])
    write_json(args.out, content)
    print(f'{len(content["annotations"])} annotations with {len(joints)} joints, written to {args.out}')
    return 0


if __name__ == '__main__':
    with one_line_errors('tools/convert_keypoints.py'):
        sys.exit(main())

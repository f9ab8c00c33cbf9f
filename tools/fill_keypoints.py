"""Fill joints that nobody labelled with those of another model's poses.

    python -m benchmarks.accuracy TEACHER.onnx --ann A.json --images DIR --boxes gt --flip --poses-out poses.json
    python tools/fill_keypoints.py A.json poses.json --out filled.json [--score-thr 0.4]

A.json is a COCO key point file, poses.json has a pose for each of its annotations, in their order within a picture, as
the first command writes it. Labels of people stay as they are; a joint without one becomes visible (2) where the
model's score is at least --score-thr. Exit codes: 0; 2: a wrong call, or files that do not belong together.
"""

import argparse
import sys
from pathlib import Path

import mmpose_amfac  # noqa: F401
from mmpose_amfac.errors import AMFACError, number, one_line_errors
from mmpose_amfac.files import read_json, write_json


def fill(content: dict, poses: list[dict], least: float) -> int:
    """Fill the joints of ``content`` in place.

    Args:
        content: COCO key point annotations.
        poses: COCO key point results in pixels of the same pictures, (x, y, score) for each joint.
        least: score of a joint that is filled in.

    Returns:
        How many joints were filled.

    Raises:
        AMFACError: a picture has another number of poses than of annotations, or a pose another number of joints.
    """
    by_picture, filled = {}, 0
    for pose in poses:
        by_picture.setdefault(pose['image_id'], []).append(pose)
    people = {}
    for person in content['annotations']:
        people.setdefault(person['image_id'], []).append(person)
    for image, persons in people.items():
        found = by_picture.get(image, [])
        if len(found) != len(persons):
            raise AMFACError(f'picture {image} has {len(persons)} annotations and {len(found)} poses; write the poses '
                             'with --boxes gt from the same annotations')
        for person, pose in zip(persons, found, strict=True):
            joints, given = person['keypoints'], pose['keypoints']
            if len(joints) != len(given):
                raise AMFACError(f'annotation {person["id"]} has {len(joints) // 3} joints, its pose '
                                 f'{len(given) // 3}')
            for i in range(0, len(joints), 3):
                if joints[i + 2] == 0 and given[i + 2] >= least:
                    joints[i:i + 3] = [round(given[i], 2), round(given[i + 1], 2), 2]
                    filled += 1
            person['num_keypoints'] = sum(v > 0 for v in joints[2::3])
    return filled


def _entries(found, *fields: str) -> bool:
    return isinstance(found, list) and all(isinstance(one, dict) and one.keys() >= set(fields) for one in found)


def main(argv=None) -> int:
    """Write the filled annotations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path, metavar='A.json')
    parser.add_argument('poses', type=Path, metavar='poses.json')
    parser.add_argument('--out', type=Path, required=True, metavar='filled.json')
    parser.add_argument('--score-thr', type=float, default=0.4, help='default %(default)s')
    args = parser.parse_args(argv)
    number('--score-thr', args.score_thr, 0, 1)
    content, poses = read_json(args.annotations, 'annotations'), read_json(args.poses, 'results')
    if not isinstance(content, dict) or not _entries(content.get('annotations'), 'id', 'image_id', 'keypoints'):
        raise AMFACError(f'{args.annotations} must have annotations, each with id, image_id and keypoints')
    if not _entries(poses, 'image_id', 'keypoints'):
        raise AMFACError(f'{args.poses} must be a list of poses, each with image_id and keypoints')
    filled = fill(content, poses, args.score_thr)
    write_json(args.out, content)
    print(f'{filled} joints of {len(content["annotations"])} annotations filled, written to {args.out}')
    return 0


if __name__ == '__main__':
    with one_line_errors('tools/fill_keypoints.py'):
        sys.exit(main())

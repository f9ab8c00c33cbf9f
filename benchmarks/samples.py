"""Draw a model's poses on persons chosen at random from a COCO-format file, with the labels beside them.

    python -m benchmarks.samples ANNOTATIONS.json --images FOLDER --out sheet.jpg [--count 6] [--seed 0]

Each person is one tile: labels on the left, prediction in the ground-truth box on the right. No joint is hidden by a
threshold unless ``--kpt-thr`` asks for one.
"""

import argparse
import json
import random
from pathlib import Path

import cv2
import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.apis import TorchEstimator
from mmpose_amfac.apis.writers import write_image
from mmpose_amfac.draw import draw_poses
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.poses import Poses

TILE = (192, 256)


def choose(annotations: dict, count: int, seed: int) -> list[tuple[dict, dict]]:
    """``count`` pairs (picture, person with at least five labelled joints), the same ones for the same seed."""
    images = {image['id']: image for image in annotations['images']}
    persons = [a for a in annotations['annotations'] if a.get('num_keypoints', 0) >= 5 and not a.get('iscrowd')]
    if len(persons) < count:
        raise AMFACError(f'--count {count}: only {len(persons)} persons have five labelled joints')
    persons = random.Random(seed).sample(sorted(persons, key=lambda a: a['id']), count)
    return [(images[a['image_id']], a) for a in persons]


def tile(estimator, image: np.ndarray, person: dict, threshold: float) -> np.ndarray:
    """One person: labels and prediction side by side, (256, 384, 3) uint8 BGR."""
    box = geometry.xywh_to_xyxy([person['bbox']])
    labels = np.array(person['keypoints'], np.float32).reshape(1, -1, 3)
    truth = Poses(labels[..., :2], (labels[..., 2] > 0).astype(np.float32), box, np.ones(1, np.float32))
    center, scale = geometry.boxes_to_center_scale(box, TILE)
    pair = []
    for poses, hidden in ((truth, 0.5), (estimator(image, box), threshold)):
        drawn = draw_poses(image, poses, estimator.skeleton, hidden, boxes=False)
        pair.append(geometry.crop(drawn, center, scale, TILE)[0])
    return np.concatenate(pair, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('annotations', type=Path)
    parser.add_argument('--images', type=Path, required=True, help='folder that file_name is relative to')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--model', default='amfacpose')
    parser.add_argument('--weights')
    parser.add_argument('--count', type=int, default=6)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--kpt-thr', type=float, default=0.0)
    args = parser.parse_args()
    estimator = TorchEstimator(args.model, args.weights, flip=True)
    tiles = []
    for picture, person in choose(json.loads(args.annotations.read_text(encoding='utf-8')), args.count, args.seed):
        path = args.images / picture['file_name']
        image = cv2.imread(str(path))
        if image is None:
            raise AMFACError(f'{path} cannot be read')
        tiles.append(tile(estimator, image, person, args.kpt_thr))
    while len(tiles) % 2:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[i:i + 2], axis=1) for i in range(0, len(tiles), 2)]
    print(write_image(args.out, np.concatenate(rows)))


if __name__ == '__main__':
    with one_line_errors('samples'):
        main()

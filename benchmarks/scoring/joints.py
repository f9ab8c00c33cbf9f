"""Single joints of annotated persons: labels, predictions in their own boxes, and how close the two are."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.scoring.coco_ap import counts, is_crowdpose
from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import AMFACError

# persons whose pictures are held at the same time
CHUNK = 32
# a joint counts as found from this similarity on
FOUND = 0.5
# share of the box that a person of CrowdPose covers, by the rules of its evaluation
AREA = 0.53


class Person(NamedTuple):
    """A person with labelled joints.

    Attributes:
        id: of the annotation.
        picture: its COCO entry.
        box: (4,) ``xyxy`` pixels.
        points: (K, 2) labelled joints, pixels.
        visibility: (K,) 0 not labelled, 1 hidden, 2 visible.
        area: square pixels.
    """

    id: int
    picture: dict
    box: np.ndarray
    points: np.ndarray
    visibility: np.ndarray
    area: float

    @property
    def source(self):
        """Id of the source picture: persons of one are not independent."""
        return self.picture.get('coco_id', self.picture['id'])


def persons(content: dict, joints: int) -> list[Person]:
    """Everybody in COCO annotations who has a labelled joint, in the order of the annotations.

    Raises:
        AMFACError: annotations of another number of joints, or without areas (which CrowdPose takes from the boxes).
    """
    pictures, crowd, found = {one['id']: one for one in content['images']}, is_crowdpose(content), []
    for one in filter(counts, content['annotations']):
        if len(one['keypoints']) != 3 * joints:
            raise AMFACError(f'annotation {one["id"]} has {len(one["keypoints"]) // 3} joints, the model {joints}; '
                             'take annotations of the data set that the model was trained for')
        area = AREA * one['bbox'][2] * one['bbox'][3] if crowd else one.get('area')
        if area is None:
            raise AMFACError(f'annotation {one["id"]} has no area')
        labels = np.array(one['keypoints'], float).reshape(-1, 3)
        found.append(Person(one['id'], pictures[one['image_id']], geometry.xywh_to_xyxy([one['bbox']])[0],
                            labels[:, :2], labels[:, 2].astype(int), area))
    return found


def predict(estimator, people: list[Person], images, change=None, desc: str = '') -> list[dict]:
    """COCO results, one for each person, found in the person's own box.

    Args:
        estimator: :class:`~benchmarks.models.estimators.Estimator` that takes boxes.
        people: in any order; those of one picture best stand together.
        images: folder of the file names.
        change: function picture (H, W, 3), person -> picture that the model is to see of this person.
        desc: shown beside the progress bar.
    """
    images, results, last, picture = Path(images), [], None, None
    for start in tqdm(range(0, len(people), CHUNK), desc=desc, disable=None, leave=False):
        chunk, pictures = people[start:start + CHUNK], []
        for person in chunk:
            if person.picture['id'] != last:
                last, picture = person.picture['id'], read_image(images / person.picture['file_name'])
            pictures.append(change(picture, person) if change else picture)
        results += estimator.predict(pictures, [person.picture['id'] for person in chunk],
                                     [person.box[None] for person in chunk], [np.ones(1, np.float32)] * len(chunk))
    return results


def triples(results: list[dict]) -> np.ndarray:
    """x, y and score of each joint, (n, K, 3); scores clipped to [0, 1], for SimCC's may lie above."""
    found = np.array([result['keypoints'] for result in results], float).reshape(len(results), -1, 3)
    found[..., 2] = found[..., 2].clip(0, 1)
    return found


def similarities(points, people: list[Person], sigmas) -> np.ndarray:
    """Share of each joint (n, K, 2) in COCO's OKS, (n, K) in [0, 1]; NaN where a joint has no label.

    It is ``exp(-d^2 / (2 s^2 k^2))`` with d the distance in pixels, s^2 the area of the person and k twice sigma.
    """
    truth = np.stack([person.points for person in people])
    area = np.array([person.area for person in people])[:, None]
    squared = ((points - truth) ** 2).sum(axis=2)
    values = np.exp(-squared / (2 * (area + np.spacing(1)) * (2 * np.asarray(sigmas)) ** 2))
    return np.where(np.stack([person.visibility for person in people]) > 0, values, np.nan)

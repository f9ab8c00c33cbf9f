"""Crops to verify and calibrate with: sample photographs, a folder of pictures, or COCO annotations."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import open_source, read_image
from mmpose_amfac.deploy.places import is_file
from mmpose_amfac.errors import AMFACError, MissingPackageError, number
from mmpose_amfac.files import read_json
from mmpose_amfac.packages import install_command

# crops that are compared one by one; an AP takes all of them
LIMIT = 64
# pictures inside scikit-image's wheel -> (box of the person or thing, crops)
_PICTURES = {
    'astronaut.png': ((40, 0, 470, 512), 16),
    'camera.png': ((110, 60, 340, 512), 4),
    'chelsea.png': ((100, 20, 350, 300), 2),
    'coffee.png': ((0, 0, 600, 400), 1),
    'rocket.jpg': ((0, 0, 640, 427), 1),
}


@dataclass
class Samples:
    """Crops and where they come from.

    Args:
        description: one line.
        crops: (n, height, width, 3) uint8 BGR, at most 64 of a folder or of annotations.
        annotated: all persons of ``--ann``, else None.
    """

    description: str
    crops: np.ndarray
    annotated: 'Annotated | None' = None

    @property
    def sha256(self) -> str:
        """Of the crops' bytes and shape."""
        digest = hashlib.sha256(repr(self.crops.shape).encode())
        digest.update(np.ascontiguousarray(self.crops))
        return digest.hexdigest()

    def check(self, joints: int) -> None:
        """Raise :class:`AMFACError` where annotations cannot give the AP of so many joints."""
        if self.annotated is not None:
            self.annotated.check(joints)


class People(NamedTuple):
    """The annotated persons of one picture; ``boxes`` (n, 4) ``xyxy`` pixels."""

    image_id: int | str
    image: np.ndarray
    boxes: np.ndarray


def samples(input_size, padding: float = geometry.PADDING, images=None, ann=None, image_root=None) -> Samples:
    """Crops of a folder, of annotations or, without either, of the photographs that scikit-image installs.

    Args:
        input_size: network input (width, height), pixels.
        padding: factor on the box size.
        images: folder (or file) of pictures; each is taken as one box.
        ann: COCO-format JSON with ``images`` and ``annotations`` (``bbox``); the boxes are cut out.
        image_root: folder that the ``file_name`` of ``ann`` start from; looked for beside the JSON by default.

    Raises:
        AMFACError: both given, nothing readable, or annotations without pictures or boxes.
        MissingPackageError: none given and scikit-image is not installed.
    """
    if images and ann:
        raise AMFACError('--images and --ann exclude each other')
    if image_root and not ann:
        raise AMFACError('--image-root belongs to --ann FILE')
    if ann:
        annotated = Annotated(ann, image_root)
        crops = [_crop(p.image, p.boxes, input_size, padding) for p in annotated.people(LIMIT)]
        return Samples(f'{Path(ann).name}, annotated boxes', np.concatenate(crops)[:LIMIT], annotated)
    if images:
        return Samples(f'pictures of {Path(images).resolve().name}', _of_folder(images, input_size, padding))
    return Samples('crops of scikit-image pictures', _installed(input_size, padding))


class Annotated:
    """Persons of a COCO-format file that have key points, or all boxes where no entry has any.

    Where ``categories`` has a ``person``, entries of other categories are left out, and crowd regions always.

    Args:
        path: JSON file.
        image_root: folder of the pictures; found by itself where they lie beside the JSON, in a folder of its name, or
            in COCO's layout (``annotations/person_keypoints_val2017.json`` and ``val2017/``).

    Attributes:
        keypoints: True if the annotations have key points, so that an AP can be measured.
        category: id of the persons' category.
    """

    def __init__(self, path, image_root=None):
        self.path = Path(path)
        content = read_json(self.path, 'annotations')
        try:
            self._names = {entry['id']: entry['file_name'] for entry in content['images']}
            persons = {c['id'] for c in content.get('categories', ()) if c['name'] == 'person'}
            entries = [e for e in content['annotations']
                       if not e.get('iscrowd', 0) and (not persons or e['category_id'] in persons)]
            self.keypoints = any('keypoints' in e for e in entries)
            # as COCO's evaluation and MMPose's data sets do
            kept = [e for e in entries if not self.keypoints or any(e.get('keypoints', ())[2::3])]
            self.category = kept[0].get('category_id', 1) if kept else 1
            self._entries = content['annotations']
            self._boxes = {}
            for entry in kept:
                self._boxes.setdefault(entry['image_id'], []).append(entry['bbox'])
        except (KeyError, TypeError, AttributeError) as error:
            raise AMFACError(f"{path} is not in COCO's format: an object with images (id, file_name) and annotations "
                             f'(image_id, bbox); {type(error).__name__} {error}') from None
        for image_id, name in self._names.items():
            if not isinstance(name, str):
                raise AMFACError(f'{path}: the file_name of picture {image_id!r} is {name!r}; it must be a string')
        unknown = self._boxes.keys() - self._names.keys()
        if unknown:
            raise AMFACError(f'{path}: annotations name the image_id {min(unknown, key=str)!r}, images does not')
        if not self._boxes:
            raise AMFACError(f'{path} has no person to cut out')
        self.root = self._find_root(image_root)
        # before hours of work end at the last picture
        for image_id in self._boxes:
            if not is_file(self.root / self._names[image_id]):
                raise AMFACError(f'{self.root / self._names[image_id]}, which {self.path} names, does not exist; give '
                                 'the folder that the names start from: --image-root DIR')

    def __len__(self) -> int:
        return sum(map(len, self._boxes.values()))

    @property
    def image_ids(self) -> list:
        """Of the pictures with persons, in the file's order."""
        return list(self._boxes)

    def people(self, limit: int | None = None) -> Iterator[People]:
        """Picture by picture; with ``limit`` that many pictures spread evenly over the file."""
        ids = self.image_ids
        if limit and len(ids) > limit:
            ids = [ids[i] for i in np.linspace(0, len(ids) - 1, limit).round().astype(int)]
        for image_id in ids:
            try:
                boxes = geometry.check_boxes(geometry.xywh_to_xyxy(self._boxes[image_id]))
                image = read_image(self.root / self._names[image_id])
            except (AMFACError, ValueError, TypeError, cv2.error) as error:
                raise AMFACError(f'{self.path}: picture {self._names[image_id]}: {error}') from None
            yield People(image_id, image, boxes)

    def check(self, joints: int) -> None:
        """Raise :class:`AMFACError` unless an AP of so many joints can be measured; without key points none is."""
        for i, entry in enumerate(self._entries if self.keypoints else ()):
            keypoints, where = entry.get('keypoints'), f'{self.path}: annotations[{i}]'
            if not isinstance(keypoints, list) or len(keypoints) != 3 * joints:
                raise AMFACError(f'{where}.keypoints must be {3 * joints} numbers: x, y, flag of the {joints} joints '
                                 'of the model')
            for j, value in enumerate(keypoints):
                number(f'{where}.keypoints[{j}]', value, -geometry.LIMIT, geometry.LIMIT)
            for field in ('id', 'area', 'num_keypoints', 'iscrowd'):
                number(f'{where}.{field}', entry.get(field), 0)

    def _find_root(self, given) -> Path:
        name = self._names[next(iter(self._boxes))]
        folder, split = self.path.parent, self.path.stem.rpartition('_')[2]
        places = [Path(given)] if given else [folder, folder / self.path.stem, folder.parent / split,
                                              folder.parent / 'images' / split, folder.parent]
        for place in places:
            if is_file(place / name):
                return place
        raise AMFACError(f'{name}, which {self.path} names, is not in {" or ".join(map(str, places))}; give the folder '
                         'that the names start from: --image-root DIR')


def _crop(image, boxes, input_size, padding) -> np.ndarray:
    return geometry.crop(image, *geometry.boxes_to_center_scale(boxes, input_size, padding), input_size)


def _of_folder(images, input_size, padding) -> np.ndarray:
    source = open_source(images)
    if source.kind != 'pictures':
        raise AMFACError(f'--images {images} must be a folder of pictures')
    crops, error = [], None
    for frame in source:
        if frame.image is None:
            error = frame.error
        else:
            height, width = frame.image.shape[:2]
            crops.append(_crop(frame.image, [[0, 0, width, height]], input_size, padding))
        if len(crops) == LIMIT:
            break
    if not crops:
        raise AMFACError(f'--images {images} holds no picture that can be read: {error}')
    return np.concatenate(crops)


def _installed(input_size, padding) -> np.ndarray:
    """Seeded cut-outs, mirrored and of other brightness by turns; 24 of them."""
    try:
        from skimage import data
    except ModuleNotFoundError:
        raise MissingPackageError(f'the sample pictures need scikit-image: {install_command("skimage")} (or give '
                                  'pictures: --images DIR)') from None
    folder = Path(data.__file__).parent
    rng = np.random.default_rng(0)
    crops = []
    for name, (box, count) in _PICTURES.items():
        # never through skimage.data's functions: they download what is not there
        if not (folder / name).is_file():
            raise AMFACError(f'this scikit-image has no {name}; give pictures: --images DIR')
        image = read_image(folder / name)
        for i in range(count):
            picture = image[:, ::-1] if i % 2 else image
            picture = cv2.convertScaleAbs(picture, alpha=rng.uniform(0.6, 1.4)) if i else picture
            left, right = (image.shape[1] - box[2], image.shape[1] - box[0]) if i % 2 else (box[0], box[2])
            moved = np.array([left, box[1], right, box[3]], np.float32)
            size = moved[[2, 3, 2, 3]] - moved[[0, 1, 0, 1]]
            moved += (rng.uniform(-0.2, 0.2, 4) if i else 0) * size
            crops.append(_crop(np.ascontiguousarray(picture), [moved], input_size, padding))
    return np.concatenate(crops)

"""The user's own boxes from a COCO-format file."""

from pathlib import Path
from reprlib import repr as short

import numpy as np

from mmpose_amfac.apis.sources import VIDEOS, Frame
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import read_json
from mmpose_amfac.geometry import LIMIT, SMALLEST, has_area


class BoxFile:
    """Boxes by picture, used exactly as they are given.

    The file is COCO annotations (an object with ``images`` and ``annotations``) or a list of detection results. An
    entry has ``bbox`` (``xywh`` pixels), optionally ``score`` (1 by default), and names its picture by ``image_id`` or
    ``file_name`` (folders in it are ignored) and, in a video, by ``frame`` of the entry or of its picture. Without
    ``images`` an ``image_id`` is the number in the picture's name (COCO's way) or the number of the video frame.
    Where ``categories`` has a ``person``, entries of other categories are left out. ``bbox_score`` goes before
    ``score``, which in our own results ranks the pose.

    Args:
        path: JSON file.

    Raises:
        AMFACError: not such a file; a bad box, score or picture, named by entry and field.
    """

    def __init__(self, path):
        self.path = Path(path)
        content = _load(self.path)
        entries, key = (content, '') if isinstance(content, list) else (content.get('annotations'), 'annotations')
        if not isinstance(entries, list):
            raise AMFACError(f"{path} holds neither a list of results nor an object with 'annotations'")
        meta = content if isinstance(content, dict) else {}
        self._images = _image_keys(meta['images'], f'{path}: images') if 'images' in meta else None
        self._known = set(self._images.values()) if self._images is not None else None
        persons = _persons(meta.get('categories', []), f'{path}: categories')
        self._boxes = {}
        self._used = False
        for i, entry in enumerate(entries):
            where = f'{self.path}: {key}[{i}]'
            if not isinstance(entry, dict):
                raise AMFACError(f'{where} is not an object')
            if not persons or _id(entry, 'category_id', where) in persons:
                row = _box(entry, where), _score(entry, where)
                self._boxes.setdefault(self._key(entry, where), []).append(row)

    def __call__(self, frame: Frame):
        """Boxes (n, 4) ``xyxy`` pixels and scores (n,) of a frame, in the file's order; none if it has none.

        Raises:
            AMFACError: the file lists its pictures and this one is not among them.
        """
        keys = _keys_of(frame)
        key = next((k for k in keys if k in self._boxes), None)
        if key is None:
            if self._known is not None and not self._known.intersection(keys):
                raise AMFACError(f'{self.path}: images has no entry with the file_name {frame.name!r}')
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        self._used = True
        boxes, scores = zip(*self._boxes[key])
        return np.stack(boxes), np.array(scores, np.float32)

    def check_used(self) -> None:
        """Raise :class:`AMFACError` if the file has boxes and none belonged to a picture that was asked for."""
        if self._boxes and not self._used:
            key = next(iter(self._boxes))
            raise AMFACError(f'{self.path}: no entry belongs to a picture of the source, e.g. '
                             f'{key[0] if isinstance(key, tuple) else key!r}; check file_name and image_id')

    def _key(self, entry: dict, where: str):
        image_id = _id(entry, 'image_id', where)
        if self._images is not None and image_id is not None:
            if image_id not in self._images:
                raise AMFACError(f'{where}.image_id={short(image_id)} is not the id of an entry of images')
            return self._images[image_id]
        if 'file_name' in entry:
            return _place(entry, where)
        if image_id is None:
            raise AMFACError(f'{where}.image_id=None must be a number or a name, and there is no file_name')
        return image_id


def _load(path: Path):
    content = read_json(path, 'box file')
    if not isinstance(content, (dict, list)):
        raise AMFACError(f"{path} holds neither a list of results nor an object with 'annotations'")
    return content


def _image_keys(images, where: str) -> dict:
    keys = {}
    for i, image in enumerate(_list(images, where)):
        if not isinstance(image, dict) or image.get('id') is None or 'file_name' not in image:
            raise AMFACError(f'{where}[{i}] needs id and file_name')
        keys[_id(image, 'id', f'{where}[{i}]')] = _place(image, f'{where}[{i}]')
    return keys


def _persons(categories, where: str) -> set:
    """Ids of the categories that are called ``person``."""
    for i, category in enumerate(_list(categories, where)):
        if not isinstance(category, dict):
            raise AMFACError(f'{where}[{i}] is not an object')
    return {_id(c, 'id', f'{where}[{i}]') for i, c in enumerate(categories) if c.get('name') == 'person'}


def _list(value, where: str) -> list:
    if not isinstance(value, list):
        raise AMFACError(f'{where} must be a list, not {short(value)}')
    return value


def _id(entry: dict, field: str, where: str):
    value = entry.get(field)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if value is not None and not whole and not isinstance(value, str):
        raise AMFACError(f'{where}.{field}={short(value)} must be a whole number or a name')
    return value


def _place(entry: dict, where: str) -> tuple:
    """(file name without folders, frame or None)."""
    name, frame = entry['file_name'], _id(entry, 'frame', where)
    if not isinstance(name, str):
        raise AMFACError(f'{where}.file_name={short(name)} must be a name')
    if isinstance(frame, str):
        raise AMFACError(f'{where}.frame={short(frame)} must be a whole number')
    return name.replace('\\', '/').rsplit('/', 1)[-1], frame


def _keys_of(frame: Frame) -> list:
    """What an entry may call a frame, the most exact first."""
    name = Path(frame.name)
    keys = [(frame.name, frame.index), (frame.name, None)]
    if name.suffix.lower() in VIDEOS or frame.name.startswith('webcam:'):
        return [*keys, frame.index]
    digits = name.stem.rsplit('_', 1)[-1]
    number = [int(digits)] if digits.isascii() and digits.isdigit() else []
    return [*keys, frame.name, name.stem, *number]


def _box(entry: dict, where: str) -> np.ndarray:
    """(4, ) float32 ``xyxy``."""
    box = entry.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise AMFACError(f'{where}.bbox={short(box)} must be four numbers [left, top, width, height]')
    if not all(abs(v) < LIMIT for v in box):
        raise AMFACError(f'{where}.bbox={short(box)} lies outside any picture: |number| < {LIMIT:,.0f} pixels')
    left, top, width, height = box
    xyxy = np.array([left, top, left + width, top + height], np.float32)
    # in float32, as it will be used: far away from 0 a small box vanishes
    if not has_area(xyxy[None])[0]:
        raise AMFACError(f'{where}.bbox={short(box)} has no area: width and height must be at least {SMALLEST:g}')
    return xyxy


def _score(entry: dict, where: str) -> float:
    field = 'bbox_score' if 'bbox_score' in entry else 'score'
    score = entry.get(field, 1.0)
    if not _is_number(score) or not 0 <= score <= 1:
        raise AMFACError(f'{where}.{field}={short(score)} must lie in [0, 1]')
    return score


def _is_number(value) -> bool:
    # NaN, which Python's JSON reader knows, is no number and unlike itself
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value

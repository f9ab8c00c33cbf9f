"""Results on disk: COCO-format JSON and drawings, each complete or not there."""

import json
import os
import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from mmpose_amfac.apis.sources import Frame, Source
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import atomic_path
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import Skeleton

DEFAULT_FPS = 25.0


class JsonWriter:
    """COCO-format results of any number of pictures in constant memory; use as a context manager.

    The file is an object with ``info``, ``categories``, ``annotations`` (:meth:`Poses.to_coco` and ``file_name``),
    ``images`` (``id``, ``file_name``, ``frame``, ``width``, ``height``) and ``skipped`` (``file_name``, ``frame``,
    ``error``). It appears under its name when the block ends without an exception.

    Args:
        path: file to write; an existing one is replaced.
        skeleton: named in ``categories``.
        info: JSON values about the run.
    """

    def __init__(self, path, skeleton: Skeleton, info: dict | None = None):
        self.path = Path(path)
        self.skeleton = skeleton
        self.info = info or {}
        self.num_images = self.num_persons = self.num_skipped = 0

    def __enter__(self) -> 'JsonWriter':
        with ExitStack() as stack:
            part = stack.enter_context(atomic_path(self.path))
            self._lists = {'annotations': stack.enter_context(part.open('w', encoding='utf-8'))}
            for name in ('images', 'skipped'):
                self._lists[name] = stack.enter_context(tempfile.TemporaryFile('w+', encoding='utf-8'))
            self._stack = stack.pop_all()
        category = dict(id=1, name='person', keypoints=list(self.skeleton.joints),
                        skeleton=[[a + 1, b + 1] for a, b in self.skeleton.links])
        self._lists['annotations'].write(f'{{"info": {json.dumps(self.info)},\n"categories": '
                                         f'{json.dumps([category])},\n"annotations": [')
        return self

    def write(self, frame: Frame, poses: Poses) -> None:
        """Add one picture, or the record of one that could not be read."""
        place = dict(file_name=frame.name, frame=frame.index)
        if frame.image is None:
            self._append('skipped', dict(**place, error=frame.error), self.num_skipped)
            self.num_skipped += 1
            return
        image_id = self.num_images + 1
        height, width = frame.image.shape[:2]
        self._append('images', dict(id=image_id, **place, width=width, height=height), self.num_images)
        for result in poses.to_coco(image_id, first_id=self.num_persons + 1):
            self._append('annotations', dict(**result, file_name=frame.name), self.num_persons)
            self.num_persons += 1
        self.num_images += 1

    def _append(self, name: str, entry: dict, before: int) -> None:
        self._lists[name].write(('\n' if before == 0 else ',\n') + json.dumps(entry))

    def __exit__(self, *error) -> bool | None:
        if error[0] is not None:
            return self._stack.__exit__(*error)
        with self._stack:
            out = self._lists['annotations']
            for name in ('images', 'skipped'):
                out.write(f'],\n"{name}": [')
                self._lists[name].seek(0)
                shutil.copyfileobj(self._lists[name], out)
            out.write(']}\n')
        return None


class DrawingWriter:
    """Drawn pictures under their own names, or one mp4 of a video with its frames and rate; a context manager.

    A name whose format OpenCV cannot write gets ``.png`` added, once more where another picture has that name.

    Args:
        folder: where the files go.
        source: what is drawn.

    Raises:
        AMFACError: a drawing would replace a file of the source.
    """

    def __init__(self, folder, source: Source):
        self.folder = Path(folder)
        self.source = source
        self.path = None
        self._video = None
        self._targets, taken = {}, set()
        # those that keep their names come first
        for name in sorted((path.name for path in source.files), key=lambda name: picture_path(name).name != name):
            target = self._target(name)
            while target in taken:
                target = target.with_name(f'{target.name}.png')
            taken.add(target)
            self._targets[name] = target
        keep_inputs(taken, source.files)

    def __enter__(self) -> 'DrawingWriter':
        self._stack = ExitStack()
        return self

    def write(self, frame: Frame, drawing: np.ndarray) -> None:
        """Add one drawing (H, W, 3) uint8 BGR.

        Raises:
            AMFACError: OpenCV cannot write it.
        """
        if self.source.kind == 'pictures':
            self.path = write_image(self._targets.get(frame.name) or self._target(frame.name), drawing)
            return
        # encoders cut odd sizes down to even ones
        height, width = drawing.shape[:2]
        drawing = cv2.copyMakeBorder(drawing, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._video is None:
            self._open(drawing.shape)
        self._video.write(drawing)

    def _target(self, name: str) -> Path:
        if self.source.kind == 'pictures':
            return picture_path(self.folder / name)
        stem = re.sub(r'[^\w.-]', '_', Path(self.source.name).stem)
        return self.folder / f'{stem}.mp4'

    def _open(self, shape) -> None:
        self.path = self._target(self.source.name)
        part = self._stack.enter_context(atomic_path(self.path))
        video = cv2.VideoWriter(str(part), cv2.VideoWriter_fourcc(*'mp4v'), self.source.fps or DEFAULT_FPS,
                                (shape[1], shape[0]))
        if not video.isOpened():
            raise AMFACError(f'OpenCV cannot write the video {self.path}; leave the drawing out with --no-draw')
        # after atomic_path, so that the file is complete when it is renamed
        self._stack.callback(video.release)
        self._video = video

    def __exit__(self, *error) -> bool | None:
        return self._stack.__exit__(*error)


def keep_inputs(targets, inputs) -> None:
    """Raise :class:`AMFACError` if a file to be written is one of those to be read, by whatever name."""
    read = {identity for identity in map(_identity, inputs) if identity is not None}
    for target in targets:
        if _identity(target) in read:
            raise AMFACError(f'{target} is read and would be overwritten; choose another --out')


def _identity(path) -> tuple | None:
    # follows links, and is right where upper and lower case are the same name
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def picture_path(path) -> Path:
    """The path as it is, or with ``.png`` added where OpenCV cannot write its format."""
    path = Path(path)
    if not path.suffix or not cv2.haveImageWriter(path.suffix):
        path = path.with_name(f'{path.name}.png')
    return path


def write_image(path, image: np.ndarray) -> Path:
    """Write a picture; a name whose format OpenCV cannot write gets ``.png`` added. Returns the path used.

    Raises:
        AMFACError: the picture cannot be encoded.
    """
    path = picture_path(path)
    encoded, data = cv2.imencode(path.suffix, image)
    if not encoded:
        raise AMFACError(f'OpenCV cannot encode {path}')
    with atomic_path(path) as part:
        part.write_bytes(data.tobytes())
    return path

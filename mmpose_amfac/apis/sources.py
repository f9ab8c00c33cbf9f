"""Where pictures come from: a file, a folder, a video or a camera, read one at a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.packages import install_command

PICTURES = {'.bmp', '.jpeg', '.jpg', '.jp2', '.pbm', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'}
VIDEOS = {'.avi', '.gif', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv'}
# of the frames that a container announces
COUNT_TOLERANCE = 0.02
_SIGNATURES = (b'\xff\xd8\xff', b'\x89PNG\r\n', b'BM', b'II*\0', b'MM\0*')


@dataclass
class Frame:
    """One picture of a source, or the reason why there is none.

    Args:
        name: file name inside the source; the video's name for all its frames.
        index: number of the frame, 0 for pictures.
        image: (H, W, 3) uint8 BGR, EXIF orientation applied; ``None`` where it could not be read.
        error: one line, ``None`` where the picture was read.
    """

    name: str
    index: int
    image: np.ndarray | None
    error: str | None = None


@dataclass
class Source:
    """An opened source; iterating reads it lazily.

    Args:
        name: of the file, folder or camera.
        kind: ``'pictures'``, ``'video'`` or ``'camera'``.
        total: number of frames as far as it is known, else ``None``.
        fps: frames per second of a video or camera, else ``None``.
        files: what is read; nothing may be written there.
    """

    name: str
    kind: str
    total: int | None
    fps: float | None
    _frames: Iterator[Frame]
    files: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames


def open_source(source) -> Source:
    """Open IMAGE, FOLDER (its pictures by name, no sub-folders), VIDEO or ``webcam:N``.

    A file that cannot be read gives a :class:`Frame` with an ``error`` and the rest goes on.

    Raises:
        AMFACError: nothing there, a folder without pictures, or a camera that does not open.
    """
    camera = re.fullmatch(r'webcam(?::(\d+))?', str(source))
    if camera:
        return _open_camera(int(camera[1] or 0))
    path = Path(source)
    if path.is_dir():
        files = [p for p in sorted(path.iterdir()) if p.is_file() and (_is_picture(p) or p.suffix.lower() in VIDEOS)]
        if not files:
            raise AMFACError(f'folder {path} holds no picture ({", ".join(sorted(PICTURES))})')
        return Source(path.name, 'pictures', len(files), None, (_read(p) for p in files), tuple(files))
    if not path.is_file():
        raise AMFACError(f'source {path} does not exist; give a picture, a folder, a video or webcam:N')
    if _is_picture(path) or path.suffix.lower() not in VIDEOS:
        return Source(path.name, 'pictures', 1, None, (_read(p) for p in [path]), (path, ))
    return _open_video(path)


def read_image(path) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a picture file, EXIF orientation applied.

    Raises:
        AMFACError: the file is empty or not a picture that OpenCV reads.
    """
    # imread cannot open every Unicode path on Windows
    data = np.fromfile(path, np.uint8)
    if data.size == 0:
        raise AMFACError(f'{path} is empty')
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise AMFACError(f'{path} is not a picture that OpenCV reads')
    return image


def astronaut() -> np.ndarray:
    """The photograph that is taken where none is given: one person, (512, 512, 3) uint8 BGR (NASA, public domain).

    Raises:
        MissingPackageError: scikit-image, which has it, is not installed.
    """
    try:
        from skimage import data
    except ModuleNotFoundError:
        raise MissingPackageError(f'the default picture needs scikit-image ({install_command("skimage")}); or give '
                                  'a picture with --image') from None
    return data.astronaut()[..., ::-1].copy()


def _is_picture(path: Path) -> bool:
    try:
        with path.open('rb') as file:
            head = file.read(12)
    except OSError:
        # reading it will say why
        head = b''
    if head.startswith(_SIGNATURES) or (head[:4] == b'RIFF' and head[8:] == b'WEBP'):
        return True
    return path.suffix.lower() in PICTURES


def _read(path: Path) -> Frame:
    if path.suffix.lower() in VIDEOS and not _is_picture(path):
        return Frame(path.name, 0, None, f'{path} is a video among pictures; give it as the source itself')
    try:
        return Frame(path.name, 0, read_image(path))
    except (AMFACError, OSError, cv2.error) as error:
        return Frame(path.name, 0, None, str(error))


def _open_camera(number: int) -> Source:
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise AMFACError(f'webcam:{number} does not open')
    name = f'webcam:{number}'
    return Source(name, 'camera', None, capture.get(cv2.CAP_PROP_FPS) or None, _frames(capture, name, None))


def _open_video(path: Path) -> Source:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        broken = Frame(path.name, 0, None, f'{path} is not a video that OpenCV reads')
        return Source(path.name, 'video', 1, None, iter([broken]), (path, ))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    total = count if count > 0 else None
    return Source(path.name, 'video', total, capture.get(cv2.CAP_PROP_FPS) or None,
                  _frames(capture, path.name, total), (path, ))


def _frames(capture, name: str, total: int | None) -> Iterator[Frame]:
    index = 0
    try:
        while True:
            read, image = capture.read()
            if not read:
                break
            yield Frame(name, index, image)
            index += 1
    finally:
        capture.release()
    # counts of containers are estimates: from duration and mean rate, or with frames that no decoder returns
    if index == 0 or (total is not None and total - index > max(1, total * COUNT_TOLERANCE)):
        yield Frame(name, index, None, f'{name}: reading ended after {index} of {total or "?"} frames')

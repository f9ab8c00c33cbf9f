"""Sources: pictures, folders, videos, and everything that may be wrong with them."""

import cv2
import numpy as np
import pytest

from mmpose_amfac.apis import open_source
from mmpose_amfac.errors import AMFACError


def picture(value=90, height=30, width=40):
    image = np.full((height, width, 3), value, np.uint8)
    image[:5, :5] = 255
    return image


def save(path, image=None):
    suffix = path.suffix or '.png'
    path.write_bytes(cv2.imencode(suffix, picture() if image is None else image)[1].tobytes())
    return path


def save_video(path, frames=12, fps=12.5, size=(64, 48), fourcc='mp4v'):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), fps, size)
    assert writer.isOpened()
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 * (i % 12), np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize('name', ['a.png', 'A.JPG', 'b.bmp', 'c.webp', 'd.tiff', 'without_suffix', 'Zoë 人 ☃.png'])
def test_one_picture(tmp_path, name):
    source = open_source(save(tmp_path / name))
    (frame, ) = source
    assert (source.kind, source.total, frame.name, frame.index, frame.error) == ('pictures', 1, name, 0, None)
    assert frame.image.shape == (30, 40, 3)
    assert abs(int(frame.image[20, 20, 0]) - 90) < 5


def test_exif_orientation_is_applied(tmp_path):
    """Orientation 6: the stored picture is shown turned by 90 degrees, as cv2.imread does."""
    from PIL import Image
    picture = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    exif = picture.getexif()
    exif[274] = 6
    picture.save(tmp_path / 'turned.jpg', exif=exif)
    (frame, ) = open_source(tmp_path / 'turned.jpg')
    assert frame.image.shape == (40, 30, 3) == cv2.imread(str(tmp_path / 'turned.jpg')).shape


def test_grey_and_alpha_become_bgr(tmp_path):
    save(tmp_path / 'grey.png', np.full((8, 9), 7, np.uint8))
    save(tmp_path / 'alpha.png', np.full((8, 9, 4), 7, np.uint8))
    assert [f.image.shape for f in open_source(tmp_path)] == [(8, 9, 3)] * 2


def test_folder_goes_by_name_and_reports_what_is_broken(tmp_path):
    """Corrupt, empty, truncated and video files give errors; other files and sub-folders are not pictures."""
    save(tmp_path / 'b.png')
    save(tmp_path / 'a.jpg')
    (tmp_path / 'c.jpg').write_bytes(b'not a picture')
    (tmp_path / 'd.png').write_bytes(b'')
    (tmp_path / 'e.png').write_bytes((tmp_path / 'b.png').read_bytes()[:40])
    save_video(tmp_path / 'f.mp4')
    (tmp_path / 'notes.txt').write_text('notes')
    (tmp_path / 'sub').mkdir()
    save(tmp_path / 'sub' / 'x.png')
    source = open_source(tmp_path)
    frames = list(source)
    assert source.total == len(frames) == 6
    assert [(f.name, f.error is None) for f in frames] == [
        ('a.jpg', True), ('b.png', True), ('c.jpg', False), ('d.png', False), ('e.png', False), ('f.mp4', False)]
    assert 'is empty' in frames[3].error and 'a video among pictures' in frames[5].error
    assert all((f.image is None) == (f.error is not None) for f in frames)


def test_pictures_are_read_lazily(tmp_path):
    save(tmp_path / 'a.png')
    save(tmp_path / 'b.png')
    frames = iter(open_source(tmp_path))
    next(frames)
    (tmp_path / 'b.png').write_bytes(b'')
    assert next(frames).error is not None


def test_folder_without_pictures(tmp_path):
    (tmp_path / 'notes.txt').write_text('notes')
    with pytest.raises(AMFACError, match='holds no picture'):
        open_source(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(AMFACError, match='does not exist'):
        open_source(tmp_path / 'none.jpg')


@pytest.mark.parametrize('name, fourcc', [('v.mp4', 'mp4v'), ('v.avi', 'MJPG'), ('Zoë ☃.mp4', 'mp4v')])
def test_video(tmp_path, name, fourcc):
    source = open_source(save_video(tmp_path / name, fourcc=fourcc))
    assert (source.kind, source.total, source.fps) == ('video', 12, 12.5)
    frames = list(source)
    assert [f.index for f in frames] == list(range(12)) and all(f.error is None for f in frames)
    assert abs(float(frames[5].image.mean()) - 100) < 6
    assert {f.name for f in frames} == {name}


@pytest.mark.parametrize('content', [b'', b'no video at all', None])
def test_broken_video_gives_an_error_record(tmp_path, content):
    """Empty, garbage, and a real one that was cut off."""
    path = tmp_path / 'v.mp4'
    if content is None:
        data = save_video(tmp_path / 'whole.mp4', frames=50).read_bytes()
        content = data[:len(data) // 2]
    path.write_bytes(content)
    frames = list(open_source(path))
    assert frames[-1].error is not None and frames[-1].image is None


def test_cut_off_avi_reports_how_far_it_came(tmp_path):
    data = save_video(tmp_path / 'whole.avi', frames=50, fourcc='MJPG').read_bytes()
    (tmp_path / 'cut.avi').write_bytes(data[:len(data) * 2 // 3])
    frames = list(open_source(tmp_path / 'cut.avi'))
    assert 0 < len(frames) - 1 < 50
    assert f'ended after {len(frames) - 1} of' in frames[-1].error


def test_camera_that_does_not_open():
    with pytest.raises(AMFACError, match='webcam:93 does not open'):
        open_source('webcam:93')


@pytest.mark.parametrize('announced, read, complete', [
    (12, 12, True), (13, 12, True), (14, 12, False), (100, 98, True), (100, 97, False), (1000, 980, True),
    (10, 12, True), (1, 0, False), (0, 5, True)])
def test_counts_of_containers_are_estimates(tmp_path, monkeypatch, announced, read, complete):
    """Variable frame rates: 2 % fewer frames, at least one, are no sign of a cut-off file."""

    class Capture:

        def __init__(self, path):
            self.left = read

        def isOpened(self):  # noqa: N802
            return True

        def get(self, field):
            return announced if field == cv2.CAP_PROP_FRAME_COUNT else 25.0

        def read(self):
            self.left -= 1
            return self.left >= 0, picture()

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    (tmp_path / 'v.webm').write_bytes(b'')
    frames = list(open_source(tmp_path / 'v.webm'))
    assert (frames[-1].error is None) == complete
    assert len(frames) == read + (not complete)


def test_source_names_its_files(tmp_path):
    save(tmp_path / 'b.png')
    save(tmp_path / 'a.jpg')
    save_video(tmp_path / 'v.mp4')
    assert open_source(tmp_path).files == tuple(tmp_path / name for name in ('a.jpg', 'b.png', 'v.mp4'))
    assert open_source(tmp_path / 'v.mp4').files == (tmp_path / 'v.mp4', )
    assert open_source(tmp_path / 'b.png').files == (tmp_path / 'b.png', )

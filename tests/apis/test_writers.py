"""Writers: COCO JSON that streams and appears whole, drawings, videos with the frames of the source."""

import json
import tracemalloc

import cv2
import numpy as np
import pytest

from mmpose_amfac.apis import DrawingWriter, Frame, JsonWriter, open_source
from mmpose_amfac.apis.sources import Source
from mmpose_amfac.apis.writers import write_image
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import COCO17


def frame(name='a.png', index=0):
    return Frame(name, index, np.zeros((30, 40, 3), np.uint8))


def poses(n):
    return Poses(np.full((n, 17, 2), 5.5), np.full((n, 17), 0.5), np.tile([1, 2, 30, 28], (n, 1)), np.full(n, 0.9))


def pictures(total=1):
    return Source('folder', 'pictures', total, None, iter(()))


def test_json_is_a_coco_file(tmp_path):
    """Persons, an empty picture and a broken one; pycocotools reads it."""
    from pycocotools.coco import COCO
    with JsonWriter(tmp_path / 'sub' / 'p.json', COCO17, dict(model='m')) as writer:
        writer.write(frame('a.png'), poses(2))
        writer.write(frame('b.png'), Poses.empty(17))
        writer.write(Frame('c.png', 0, None, 'broken'), Poses.empty(17))
        writer.write(frame('ü.png'), poses(1))
    content = json.loads((tmp_path / 'sub' / 'p.json').read_text(encoding='utf-8'))
    assert [i['file_name'] for i in content['images']] == ['a.png', 'b.png', 'ü.png']
    assert content['images'][0] == dict(id=1, file_name='a.png', frame=0, width=40, height=30)
    assert [(a['id'], a['image_id'], a['file_name']) for a in content['annotations']] == [
        (1, 1, 'a.png'), (2, 1, 'a.png'), (3, 3, 'ü.png')]
    assert {'keypoints', 'keypoint_scores', 'bbox', 'score'} <= content['annotations'][0].keys()
    assert content['skipped'] == [dict(file_name='c.png', frame=0, error='broken')]
    assert content['categories'][0]['keypoints'][0] == 'nose' and content['info'] == dict(model='m')
    assert (writer.num_images, writer.num_persons, writer.num_skipped) == (3, 3, 1)
    coco = COCO(str(tmp_path / 'sub' / 'p.json'))
    assert len(coco.getAnnIds(imgIds=[1])) == 2 and coco.getAnnIds(imgIds=[2]) == []


def test_json_without_pictures_is_valid(tmp_path):
    with JsonWriter(tmp_path / 'p.json', COCO17):
        pass
    content = json.loads((tmp_path / 'p.json').read_text())
    assert content['images'] == content['annotations'] == content['skipped'] == []


def test_json_of_a_failed_run_leaves_the_old_file(tmp_path):
    (tmp_path / 'p.json').write_text('old')
    with pytest.raises(RuntimeError), JsonWriter(tmp_path / 'p.json', COCO17) as writer:
        writer.write(frame(), poses(1))
        raise RuntimeError
    assert (tmp_path / 'p.json').read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['p.json']


def test_json_takes_constant_memory(tmp_path):
    person, picture = poses(1), frame()
    with JsonWriter(tmp_path / 'p.json', COCO17) as writer:
        for i in range(2000):
            writer.write(picture, person)
            if i == 200:
                tracemalloc.start()
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (tmp_path / 'p.json').stat().st_size > 1_000_000
    assert grown < 100_000


@pytest.mark.parametrize('name, written', [('a.png', 'a.png'), ('b.JPG', 'b.JPG'), ('c', 'c.png'),
                                           ('d.xyz', 'd.xyz.png'), ('Zoë ☃.png', 'Zoë ☃.png')])
def test_drawings_keep_their_names(tmp_path, name, written):
    with DrawingWriter(tmp_path / 'out', pictures()) as writer:
        writer.write(frame(name), np.full((30, 40, 3), 50, np.uint8))
    assert [p.name for p in (tmp_path / 'out').iterdir()] == [written]
    (read, ) = open_source(tmp_path / 'out' / written)
    assert abs(int(read.image[9, 9, 0]) - 50) < 4


def test_each_picture_has_a_drawing_of_its_own(tmp_path):
    """Names that get a suffix meet those that have it; who comes first makes no difference."""
    names = ['b.xyz', 'b.xyz.png', 'photo', 'photo.png', 'photo.png.png']
    (tmp_path / 'in').mkdir()
    for i, name in enumerate(names):
        (tmp_path / 'in' / name).write_bytes(cv2.imencode('.png', np.full((4, 5, 3), i, np.uint8))[1].tobytes())
    source = open_source(tmp_path / 'in')
    with DrawingWriter(tmp_path / 'out', source) as writer:
        found = {}
        for drawn in source:
            writer.write(drawn, drawn.image)
            found[drawn.name] = writer.path.name
    assert found == {'b.xyz': 'b.xyz.png.png', 'b.xyz.png': 'b.xyz.png', 'photo': 'photo.png.png.png',
                     'photo.png': 'photo.png', 'photo.png.png': 'photo.png.png'}
    for i, name in enumerate(names):
        assert (cv2.imread(str(tmp_path / 'out' / found[name])) == i).all()


@pytest.mark.parametrize('size', [(64, 48), (65, 47)])
def test_video_has_the_frames_and_rate_of_the_source(tmp_path, size):
    source = Source('Zoë: v.mov', 'video', 20, 12.5, iter(()))
    with DrawingWriter(tmp_path / 'out', source) as writer:
        for i in range(20):
            writer.write(frame('v.mov', i), np.full((size[1], size[0], 3), 10 * i, np.uint8))
    assert [p for p in (tmp_path / 'out').iterdir()] == [writer.path] and writer.path.suffix == '.mp4'
    back = open_source(writer.path)
    frames = list(back)
    assert (len(frames), back.fps) == (20, 12.5)
    # odd sizes grow by one
    assert frames[0].image.shape == (48, (size[0] + 1) // 2 * 2, 3)
    assert abs(float(frames[10].image.mean()) - 100) < 6


def test_video_of_a_failed_run_is_removed(tmp_path):
    source = Source('v.mp4', 'video', 20, 12.5, iter(()))
    with pytest.raises(RuntimeError), DrawingWriter(tmp_path, source) as writer:
        writer.write(frame('v.mp4'), np.zeros((48, 64, 3), np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_write_image_replaces_whole_files(tmp_path):
    path = write_image(tmp_path / 'sub' / 'a.png', np.zeros((4, 5, 3), np.uint8))
    assert write_image(path, np.full((4, 5, 3), 9, np.uint8)) == path
    assert cv2.imread(str(path))[0, 0, 0] == 9
    assert [p.name for p in path.parent.iterdir()] == ['a.png']


@pytest.mark.parametrize('name', ['a.png', 'd.xyz'])
def test_drawings_never_replace_the_source(tmp_path, name):
    """Inside the folder that is read, through a link to it, and where the added suffix hits another picture."""
    for file in {name, 'd.xyz.png'}:
        (tmp_path / file).write_bytes(cv2.imencode('.png', np.zeros((4, 5, 3), np.uint8))[1].tobytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / 'link').symlink_to(tmp_path)
    source = open_source(tmp_path)
    for folder in (tmp_path, tmp_path / 'link', tmp_path / '..' / tmp_path.name):
        with pytest.raises(AMFACError, match='is read and would be overwritten; choose another --out'):
            DrawingWriter(folder, source)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    DrawingWriter(tmp_path / 'drawings', source)


def test_video_never_replaces_itself(tmp_path):
    (tmp_path / 'v.mp4').write_bytes(b'')
    with pytest.raises(AMFACError, match='v.mp4 is read'):
        DrawingWriter(tmp_path, open_source(tmp_path / 'v.mp4'))

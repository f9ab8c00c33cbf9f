"""Own boxes: every way of naming a picture, and errors that name entry and field."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpose_amfac.apis import BoxFile, Frame, JsonWriter
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.poses import Poses
from mmpose_amfac.skeletons import COCO17


def box_file(tmp_path, content):
    path = tmp_path / 'boxes.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def frame(name='pic_000000000785.jpg', index=0):
    return Frame(name, index, np.zeros((30, 40, 3), np.uint8))


BOX = dict(bbox=[10, 20.5, 5, 6], score=0.5)
IMAGES = [dict(id=3, file_name='val2017/pic_000000000785.jpg'), dict(id=785, file_name='other.jpg')]


@pytest.mark.parametrize('content', [
    [dict(image_id=785, **BOX)],  # COCO results: the number in the name
    [dict(file_name='pic_000000000785.jpg', **BOX)],
    [dict(file_name='deep/folder/pic_000000000785.jpg', **BOX)],
    [dict(image_id='pic_000000000785', **BOX)],
    dict(images=IMAGES, annotations=[dict(image_id=3, **BOX), dict(image_id=785, bbox=[0, 0, 1, 1])]),
    dict(images=IMAGES, categories=[dict(id=1, name='person'), dict(id=2, name='dog')],
         annotations=[dict(image_id=3, category_id=2, bbox=[0, 0, 1, 1]), dict(image_id=3, category_id=1, **BOX)]),
])
def test_boxes_of_a_picture(tmp_path, content):
    boxes, scores = BoxFile(box_file(tmp_path, content))(frame())
    np.testing.assert_array_equal(boxes, [[10, 20.5, 15, 26.5]])
    assert scores.tolist() == [0.5]


def test_order_and_default_score(tmp_path):
    content = [dict(image_id=785, bbox=[i, 0, 1, 1]) for i in (5, 1, 3)]
    boxes, scores = BoxFile(box_file(tmp_path, content))(frame())
    assert boxes[:, 0].tolist() == [5, 1, 3] and scores.tolist() == [1, 1, 1]


@pytest.mark.parametrize('content', [
    [dict(image_id=4, **BOX)],
    [dict(file_name='v.mp4', frame=4, **BOX)],
    dict(images=[dict(id=i, file_name='v.mp4', frame=i) for i in range(6)], annotations=[dict(image_id=4, **BOX)]),
])
def test_frames_of_a_video(tmp_path, content):
    boxes = BoxFile(box_file(tmp_path, content))
    assert [len(boxes(frame('v.mp4', i))[0]) for i in range(6)] == [0, 0, 0, 0, 1, 0]


def test_our_own_results_are_boxes(tmp_path):
    """A prediction can be repeated on its own boxes: box score, not pose score."""
    poses = Poses(np.zeros((1, 17, 2)), np.full((1, 17), 0.5), [[1, 2, 30, 28]], [0.875])
    with JsonWriter(tmp_path / 'p.json', COCO17) as writer:
        writer.write(frame('a.png'), poses)
        writer.write(frame('b.png'), Poses.empty(17))
    boxes = BoxFile(tmp_path / 'p.json')
    found, scores = boxes(frame('a.png'))
    np.testing.assert_array_equal(found, poses.bboxes)
    assert scores.tolist() == [0.875]
    assert len(boxes(frame('b.png'))[0]) == 0


@pytest.mark.parametrize('content, message', [
    ('no json', 'is not JSON'),
    ('3', 'neither a list'),
    ({}, "with 'annotations'"),
    (['x'], r'\[0\] is not an object'),
    ([dict(image_id=1)], r'\[0\]\.bbox=None must be four numbers'),
    ([dict(image_id=1, bbox=[1, 2, 3])], r'\[0\]\.bbox=.* must be four numbers'),
    ([dict(image_id=1, bbox=[1, 2, 'a', 4])], r'\[0\]\.bbox=.* must be four numbers'),
    ([dict(image_id=1, bbox=[1, 2, float('nan'), 4])], r'\[0\]\.bbox=.* must be four numbers'),
    ([dict(image_id=1, **BOX), dict(image_id=1, bbox=[1, 2, 0, 4])], r'\[1\]\.bbox=.* has no area'),
    ([dict(image_id=1, bbox=[1, 2, True, 4])], r'\[0\]\.bbox=.* must be four numbers'),
    ([dict(image_id=1, bbox=[5e5, 5e5, 0.01, 1])], r'\[0\]\.bbox=.* has no area'),  # not in float32
    ([dict(image_id=1, bbox=[0, 0, 1e-45, 1e-45])], r'\[0\]\.bbox=.* has no area'),
    ([dict(image_id=1, bbox=[1e9, 1e9, 1, 1])], r'\[0\]\.bbox=.* outside any picture'),
    ([dict(image_id=1, bbox=[-1e30, 0, 1e30, 5])], r'\[0\]\.bbox=.* outside any picture'),
    ([dict(image_id=1, bbox=[0, 0, float('inf'), 5])], r'\[0\]\.bbox=.* outside any picture'),
    ([dict(image_id=1, bbox=[10**400, 0, 5, 5])], r'\[0\]\.bbox=.* outside any picture'),
    ([dict(image_id=[1], **BOX)], r'\[0\]\.image_id=\[1\] must be'),
    ([dict(image_id=1.5, **BOX)], r'\[0\]\.image_id=1.5 must be'),
    ([dict(file_name=['a'], **BOX)], r"\[0\]\.file_name=\['a'\] must be a name"),
    ([dict(file_name='v.mp4', frame=[2], **BOX)], r'\[0\]\.frame=\[2\] must be'),
    ([dict(file_name='v.mp4', frame='2', **BOX)], r"\[0\]\.frame='2' must be"),
    (dict(images=5, annotations=[]), 'images must be a list, not 5'),
    (dict(images=None, annotations=[]), 'images must be a list, not None'),
    (dict(images=[dict(id={}, file_name='a')], annotations=[]), r'images\[0\]\.id={} must be'),
    (dict(categories=[1], annotations=[]), r'categories\[0\] is not an object'),
    (dict(categories=None, annotations=[]), 'categories must be a list'),
    (dict(categories=[dict(id=[], name='person')], annotations=[]), r'categories\[0\]\.id=\[\] must be'),
    (dict(categories=[dict(id=1, name='person')], annotations=[dict(category_id=[1], image_id=1, **BOX)]),
     r'annotations\[0\]\.category_id=\[1\] must be'),
    ('[' * 100_000, 'is not JSON'),
    ([dict(image_id=1, bbox=[1, 2, 3, 4], score=7)], r'\[0\]\.score=7 must lie'),
    ([dict(image_id=1, bbox=[1, 2, 3, 4], score='x')], r"\[0\]\.score='x' must lie"),
    ([dict(bbox=[1, 2, 3, 4])], r'\[0\]\.image_id=None'),
    (dict(images=IMAGES, annotations=[dict(image_id=9, **BOX)]), r'annotations\[0\]\.image_id=9 is not the id'),
    (dict(images=[dict(id=1)], annotations=[]), r'images\[0\] needs id and file_name'),
])
def test_bad_files_are_one_line(tmp_path, content, message):
    with pytest.raises(AMFACError, match=message) as error:
        BoxFile(box_file(tmp_path, content))
    assert '\n' not in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(AMFACError, match='cannot be read'):
        BoxFile(tmp_path / 'none.json')


def test_picture_that_the_file_does_not_list(tmp_path):
    boxes = BoxFile(box_file(tmp_path, dict(images=IMAGES, annotations=[])))
    assert len(boxes(frame())[0]) == 0
    with pytest.raises(AMFACError, match="no entry with the file_name 'unknown.jpg'"):
        boxes(frame('unknown.jpg'))


def test_file_of_other_pictures_is_noticed(tmp_path):
    """Result lists do not say which pictures exist; that none fits is an error in the end."""
    boxes = BoxFile(box_file(tmp_path, [dict(image_id=5, **BOX)]))
    assert len(boxes(frame())[0]) == 0
    with pytest.raises(AMFACError, match='no entry belongs to a picture'):
        boxes.check_used()
    boxes(frame('5.jpg'))
    boxes.check_used()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)
NUMBERS = st.floats() | st.integers(-3, 50) | st.sampled_from([10**400, -1e30, 1e9, 1e-45, 999999.9])
GOOD = dict(image_id=st.integers(0, 3), file_name=st.sampled_from(['a.jpg', '2.jpg', 'd/v.mp4']),
            frame=st.integers(0, 3), bbox=st.lists(NUMBERS, min_size=4, max_size=4), score=NUMBERS, bbox_score=NUMBERS,
            category_id=st.integers(0, 2), id=st.integers(0, 3), name=st.sampled_from(['person', 'dog']))


def entries(*fields):
    """Lists of objects whose fields are right, wrong or absent."""
    some = st.fixed_dictionaries({}, optional={name: GOOD[name] | JSON for name in fields})
    return st.lists(some | JSON, max_size=4) | JSON


RESULTS = entries('image_id', 'file_name', 'frame', 'bbox', 'score', 'bbox_score', 'category_id')
FILES = RESULTS | st.fixed_dictionaries({}, optional=dict(
    annotations=RESULTS, images=entries('id', 'file_name', 'frame'), categories=entries('id', 'name')))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=FILES)
def test_whatever_the_file_holds(tmp_path_factory, content):
    """Boxes that can be used, or an AMFACError in one line."""
    path = tmp_path_factory.getbasetemp() / 'any.json'
    path.write_text(json.dumps(content))
    try:
        file = BoxFile(path)
        for picture in (frame('a.jpg'), frame('2.jpg'), frame('v.mp4', 2)):
            boxes, scores = file(picture)
            assert boxes.dtype == scores.dtype == np.float32 and boxes.shape == (len(scores), 4)
            assert np.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all()
            assert ((scores >= 0) & (scores <= 1)).all()
        file.check_used()
    except AMFACError as error:
        assert '\n' not in str(error)

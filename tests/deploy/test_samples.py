"""Crops to verify with: the same ones every time, and errors that name what is wrong."""

import json

import cv2
import numpy as np
import pytest

from mmpose_amfac.deploy.samples import LIMIT, samples
from mmpose_amfac.errors import AMFACError, MissingPackageError


def test_default_crops_are_the_same_every_time_and_need_no_network(monkeypatch):
    import skimage.data._fetchers as fetchers
    monkeypatch.setattr(fetchers, '_fetch', None)
    first, second = samples((48, 64)), samples((48, 64))
    assert first.crops.shape == (24, 64, 48, 3) and first.crops.dtype == np.uint8
    assert first.sha256 == second.sha256 != samples((96, 128)).sha256
    flat = first.crops.reshape(24, -1).astype(int)
    assert len(np.unique(flat, axis=0)) == 24 and (flat.std(axis=1) > 10).all()


def test_without_scikit_image(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 'skimage', None)
    with pytest.raises(MissingPackageError, match='pip install scikit-image .*--images DIR'):
        samples((48, 64))


def test_pictures_are_taken_whole(tmp_path, astronaut):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.roll(astronaut, i, 0))
    (tmp_path / '9.jpg').write_bytes(b'no picture')
    found = samples((64, 64), padding=1.0, images=tmp_path)
    assert found.crops.shape == (3, 64, 64, 3) and found.annotated is None
    # the whole square picture
    matrix = np.array([[64 / 512, 0, 0], [0, 64 / 512, 0]])
    np.testing.assert_array_equal(found.crops[0], cv2.warpAffine(astronaut, matrix, (64, 64)))


@pytest.fixture
def annotations(tmp_path, astronaut):
    """A COCO file beside a folder with two pictures, and a function that writes it with changes."""
    (tmp_path / 'pictures').mkdir()
    for name in 'ab':
        cv2.imwrite(str(tmp_path / 'pictures' / f'{name}.png'), astronaut)
    person = dict(category_id=7, bbox=[10, 20, 100, 200], keypoints=[50, 60, 2], num_keypoints=1, area=9e3, iscrowd=0)
    content = dict(
        images=[dict(id=1, file_name='pictures/a.png'), dict(id=2, file_name='pictures/b.png')],
        categories=[dict(id=7, name='person'), dict(id=8, name='dog')],
        annotations=[dict(person, id=1, image_id=1), dict(person, id=2, image_id=2, bbox=[0, 0, 512, 512]),
                     dict(person, id=3, image_id=2, keypoints=[0, 0, 0]), dict(person, id=4, image_id=2, iscrowd=1),
                     dict(person, id=5, image_id=2, category_id=8)])

    def write(**changes):
        path = tmp_path / 'some.json'
        path.write_text(json.dumps({**content, **changes}))
        return path

    return write


def test_annotated_persons(annotations, astronaut):
    """Crowds, dogs and persons without a labelled joint are left out, as in an evaluation."""
    from mmpose_amfac import geometry
    found = samples((48, 64), ann=annotations())
    assert len(found.annotated) == 2 and found.annotated.category == 7 and found.annotated.keypoints
    wanted = geometry.crop(astronaut, *geometry.boxes_to_center_scale([[10, 20, 110, 220]], (48, 64)), (48, 64))
    np.testing.assert_array_equal(found.crops[0], wanted[0])


def test_pictures_are_found_where_coco_has_them(tmp_path, annotations):
    path = annotations(images=[dict(id=1, file_name='a.png'), dict(id=2, file_name='b.png')])
    with pytest.raises(AMFACError, match='a.png, which .*some.json names, is not in .*--image-root DIR'):
        samples((48, 64), ann=path)
    assert len(samples((48, 64), ann=path, image_root=tmp_path / 'pictures').crops) == 2
    (tmp_path / 'annotations').mkdir()
    moved = path.rename(tmp_path / 'annotations' / 'person_keypoints_pictures.json')
    assert len(samples((48, 64), ann=moved).crops) == 2
    beside = moved.rename(tmp_path / 'pictures.json')
    assert len(samples((48, 64), ann=beside).crops) == 2


def test_many_annotations_are_thinned_evenly(annotations):
    images = [dict(id=i, file_name='pictures/a.png') for i in range(200)]
    entries = [dict(id=i + 1, image_id=i, bbox=[i, 0, 50, 90]) for i in range(200)]
    found = samples((12, 16), ann=annotations(images=images, annotations=entries, categories=[]))
    assert len(found.crops) == LIMIT and len(found.annotated) == 200 and not found.annotated.keypoints
    assert len(list(found.annotated.people())) == 200
    taken = [people.image_id for people in found.annotated.people(LIMIT)]
    assert (taken[0], taken[-1]) == (0, 199) and set(np.diff(taken)) == {3, 4}


@pytest.mark.parametrize('changes, message', [
    (dict(images=3), "not in COCO's format"),
    (dict(annotations=[{}]), "not in COCO's format"),
    (dict(images=[dict(id=1, file_name='pictures/a.png'), dict(id=2, file_name=None)]),
     'the file_name of picture 2 is None; it must be a string'),
    (dict(annotations=[]), 'no person to cut out'),
    (dict(annotations=[dict(image_id=9, category_id=7, bbox=[0, 0, 9, 9])]), "the image_id 9, images does not"),
    (dict(annotations=[dict(image_id=1, category_id=7, bbox=[0, 0, 0, 9])]), 'has no area'),
    (dict(annotations=[dict(image_id=1, category_id=7, bbox=[0, 0, 'x', 9])]), 'picture pictures/a.png'),
])
def test_bad_annotations(annotations, changes, message):
    with pytest.raises(AMFACError, match='^[^\n]*$') as raised:
        samples((48, 64), ann=annotations(**changes))
    assert message in str(raised.value)


@pytest.mark.parametrize('value', ['x', None, float('nan'), float('inf'), 10**400, [1], True])
@pytest.mark.parametrize('place', [0, 2])
def test_keypoints_must_be_numbers(annotations, value, place):
    keypoints = [50, 60, 2]
    keypoints[place] = value
    entries = [dict(id=i, image_id=1, category_id=7, bbox=[10, 20, 100, 200], area=9e3, iscrowd=0, num_keypoints=1,
                    keypoints=k) for i, k in enumerate(([50, 60, 2], keypoints))]
    found = samples((48, 64), ann=annotations(annotations=entries))
    with pytest.raises(AMFACError, match=rf'annotations\[1\].keypoints\[{place}\]=.* must be a number'):
        found.check(1)


@pytest.mark.parametrize('content', [None, '', '[', 'null', '[1]'])
def test_no_annotations(tmp_path, content):
    path = tmp_path / 'x.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(AMFACError, match='x.json'):
        samples((48, 64), ann=path)


def test_options_that_do_not_go_together(tmp_path):
    with pytest.raises(AMFACError, match='--image-root belongs to --ann'):
        samples((48, 64), image_root=tmp_path)
    with pytest.raises(AMFACError, match='holds no picture'):
        samples((48, 64), images=tmp_path)

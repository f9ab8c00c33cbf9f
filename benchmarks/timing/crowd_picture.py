"""One picture with a given number of people in it.

Every picture has the same size and every person the same: only their number changes. So neither reading the picture
into a network nor cutting a crop takes longer for more people.
"""

import cv2
import numpy as np

from mmpose_amfac.errors import AMFACError, integer

# (width, height) pixels of a picture, of a place in it, and of the person there
PICTURE = (1280, 720)
PLACE = (80, 180)
PERSON = (64, 150)
COLUMNS = PICTURE[0] // PLACE[0]
MOST = COLUMNS * (PICTURE[1] // PLACE[1])
# of the background, the order of the places and where in its place a person stands
SEED = 0


def crowd(photograph: np.ndarray, people: int):
    """The picture and the boxes of the people in it.

    The person is the middle of a photograph. The background is noise: on a plain one a network gives the same scores at
    many places, and no threshold would keep a given number of them.

    Args:
        photograph: (H, W, 3) uint8 BGR, of one person.
        people: 1 to ``MOST``; a picture of more people has all people of one with fewer.

    Returns:
        (720, 1280, 3) uint8 and boxes (people, 4) ``xyxy``, float32.

    Raises:
        AMFACError: another number of people.
    """
    integer('people', people)
    if people > MOST:
        raise AMFACError(f'people={people} must be at most {MOST}: no more fit into the picture')
    rng = np.random.default_rng(SEED)
    picture = rng.integers(96, 160, (PICTURE[1], PICTURE[0], 3), np.uint8)
    places = rng.permutation(MOST)
    shifts = rng.integers(0, np.subtract(PLACE, PERSON) + 1, (MOST, 2))
    person = _person(photograph)
    rows, columns = np.divmod(places, COLUMNS)
    corners = (np.stack([columns, rows], axis=1) * PLACE + shifts)[:people]
    for x, y in corners:
        picture[y:y + PERSON[1], x:x + PERSON[0]] = person
    return picture, np.concatenate([corners, corners + PERSON], axis=1).astype(np.float32)


def _person(photograph) -> np.ndarray:
    """The middle of a photograph, in the shape of a person."""
    height, width = photograph.shape[:2]
    zoom = min(width / PERSON[0], height / PERSON[1])
    size = round(PERSON[0] * zoom), round(PERSON[1] * zoom)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    middle = photograph[top:top + size[1], left:left + size[0]]
    return cv2.resize(middle, PERSON, interpolation=cv2.INTER_AREA)

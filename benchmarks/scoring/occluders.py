"""Occluders for persons in pictures, the same for every model.

What hides a person follows from the seed and the id of the person alone, not from the order or the choice of persons.
Of one person, what a lower level hides a higher one hides too. The picture is changed before the crop is cut; box, area
and labels stay those of the whole person.
"""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_amfac.errors import MissingPackageError, number, one_of
from mmpose_amfac.packages import install_command

# a rectangle with a piece of a photograph, one of plain grey, or the end of the picture
WAYS = ('texture', 'grey', 'cut')
GREY = 128
# photographs without people or animals that come with scikit-image
TEXTURES = ('brick', 'grass', 'gravel', 'coffee')
SIDES = ('left', 'top', 'right', 'bottom')
FAR = 1e9


class Hidden(NamedTuple):
    """What is hidden, (4,) pixels ``xyxy``: columns x1 to x2 - 1 and rows y1 to y2 - 1; a cut reaches far beyond."""

    x1: float
    y1: float
    x2: float
    y2: float

    def covers(self, points) -> np.ndarray:
        """Whether it hides the pixels of these joints (..., 2)."""
        points = np.round(points)
        return ((points >= (self.x1, self.y1)) & (points < (self.x2, self.y2))).all(axis=-1)

    def share(self, box) -> float:
        """Which share of the area of a box ``xyxy`` it hides."""
        low, high = np.maximum(self[:2], box[:2]), np.minimum(self[2:], box[2:])
        return float(np.maximum(high - low, 0).prod() / (np.subtract(box[2:], box[:2])).prod())


class Occluder:
    """Hides a share of the box of each person.

    ``texture`` and ``grey`` put a rectangle somewhere into the box, of the same place and shape for both; it has the
    proportions of the box up to a factor of two either way. ``cut`` blackens the picture from somewhere inside the box
    to one of its four ends, as if the photograph had ended there.

    Args:
        way: one of ``WAYS``.
        level: hidden share of the area of the box, in (0, 1).
        seed: other seeds hide other parts.

    Raises:
        AMFACError: an unknown way or a level outside (0, 1).
    """

    def __init__(self, way: str, level: float, seed: int = 0):
        one_of('way', way, WAYS)
        number('level', level, 0, 1, low_itself=False)
        self.way, self.level, self.seed = way, level, seed

    def hidden(self, box, id: int) -> Hidden:
        """What is hidden of the person with this box (4,) ``xyxy`` and id."""
        draw = self._draw(id)
        corner, size = np.array(box[:2], float), np.subtract(box[2:], box[:2])
        if self.way == 'cut':
            side = SIDES[draw.integers(len(SIDES))]
            axis, amount = SIDES.index(side) % 2, size * self.level
            bounds = [-FAR, -FAR, FAR, FAR]
            if side in ('left', 'top'):
                bounds[2 + axis] = round(corner[axis] + amount[axis])
            else:
                bounds[axis] = round(box[2 + axis] - amount[axis])
            return Hidden(*bounds)
        # at half the box or less, factors of two leave both sides inside it
        width = min(1, max(self.level, np.sqrt(self.level * 2 ** draw.uniform(-1, 1))))
        part = np.array([width, self.level / width])
        low = corner + draw.random(2) * (1 - part) * size
        return Hidden(*np.round(np.concatenate([low, low + part * size])))

    def __call__(self, picture: np.ndarray, box, id: int) -> np.ndarray:
        """The picture (H, W, 3) uint8 BGR with this person occluded, a new array."""
        end = picture.shape[1::-1] * 2
        x1, y1, x2, y2 = np.clip(self.hidden(box, id), 0, end).astype(int)
        picture = picture.copy()
        if self.way == 'texture':
            # as large as the box, so that the rectangle of every level shows its part of the same photograph
            left, top = np.floor(box[:2]).astype(int)
            texture = self._texture(np.ceil(box[2:]).astype(int) - (left, top), id)
            picture[y1:y2, x1:x2] = texture[y1 - top:y2 - top, x1 - left:x2 - left]
        else:
            picture[y1:y2, x1:x2] = GREY if self.way == 'grey' else 0
        return picture

    def _draw(self, id: int, stream: int = 0):
        """Random numbers of a person; another stream is independent of how many were drawn from this one."""
        return np.random.default_rng([self.seed, id, stream])

    def _texture(self, size, id: int) -> np.ndarray:
        """A window of a photograph, as large as it can be, resized to (width, height)."""
        draw = self._draw(id, 1)
        photograph = _photograph(TEXTURES[draw.integers(len(TEXTURES))])
        room = np.array(photograph.shape[1::-1])
        window = np.maximum((size * (room / size).min()).astype(int), 1)
        x, y = (draw.random(2) * (room - window)).astype(int)
        return cv2.resize(photograph[y:y + window[1], x:x + window[0]], size.tolist(), interpolation=cv2.INTER_AREA)


@cache
def _photograph(name: str) -> np.ndarray:
    try:
        from skimage import color, data
    except ModuleNotFoundError:
        raise MissingPackageError(f'textures need scikit-image: {install_command("skimage")}') from None
    image = getattr(data, name)()
    return np.ascontiguousarray((color.gray2rgb(image) if image.ndim == 2 else image)[..., ::-1])

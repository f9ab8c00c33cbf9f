"""Joint names, links, colours, flip pairs and sigmas of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmpose_amfac.errors import AMFACError

# MMPose's three colours of a body, RGB
_CENTRE, _LEFT, _RIGHT = (51, 153, 255), (0, 255, 0), (255, 128, 0)


@dataclass(frozen=True)
class Skeleton:
    """What is fixed for all persons of a data set.

    Args:
        name: name of the data set.
        joints: names in the order of the key points.
        links: pairs of joint indices.
        joint_colors, link_colors: RGB, one per joint and per link.
        flip_pairs: pairs of joint indices that a mirrored picture exchanges.
        sigmas: OKS constant of each joint; empty where the data set has none.

    Raises:
        AMFACError: an index outside the joints, a joint in two flip pairs, or lengths that do not agree.
    """

    name: str
    joints: tuple[str, ...]
    links: tuple[tuple[int, int], ...]
    joint_colors: tuple[tuple[int, int, int], ...]
    link_colors: tuple[tuple[int, int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]

    def __post_init__(self):
        for field, expected in dict(joint_colors=self.joints, sigmas=self.joints, link_colors=self.links).items():
            if field == 'sigmas' and not self.sigmas:
                continue
            if len(getattr(self, field)) != len(expected):
                raise AMFACError(f'{field} of skeleton {self.name!r} must have {len(expected)} entries, '
                                 f'got {len(getattr(self, field))}')
        for field in ('links', 'flip_pairs'):
            for pair in getattr(self, field):
                if len(pair) != 2 or not all(0 <= j < len(self.joints) for j in pair):
                    raise AMFACError(f'{field} of skeleton {self.name!r}: {pair} are not two joints of '
                                     f'0..{len(self.joints) - 1}')
        paired = [j for pair in self.flip_pairs for j in pair]
        for joint in set(paired):
            if paired.count(joint) > 1:
                raise AMFACError(f'flip_pairs of skeleton {self.name!r}: {self.joints[joint]!r} is in two pairs, so '
                                 'flipping twice would not restore the picture')

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def flip_indices(self) -> list[int]:
        """For each joint of a mirrored picture the joint that it shows."""
        indices = list(range(len(self)))
        for a, b in self.flip_pairs:
            indices[a], indices[b] = b, a
        return indices

    @classmethod
    def from_metainfo(cls, meta: Mapping) -> 'Skeleton':
        """From ``model.dataset_meta`` (parsed) or a ``dataset_info`` with ``keypoint_info`` (as in a config)."""
        if 'keypoint_info' in meta:
            return cls._from_info(meta)
        if 'keypoint_id2name' not in meta:
            raise AMFACError("metainfo has neither 'keypoint_info' nor 'keypoint_id2name'; give MMPose's dataset_info "
                             'or model.dataset_meta')
        names = meta['keypoint_id2name']
        return cls(meta['dataset_name'], tuple(names[i] for i in sorted(names)), _pairs(meta['skeleton_links']),
                   _colors(meta['keypoint_colors']), _colors(meta['skeleton_link_colors']),
                   _flip_pairs(meta['flip_indices']), _sigmas(meta['sigmas']))

    @classmethod
    def _from_info(cls, info: Mapping) -> 'Skeleton':
        joints = [info['keypoint_info'][i] for i in sorted(info['keypoint_info'])]
        links = [info['skeleton_info'][i] for i in sorted(info['skeleton_info'])]
        index = {joint['name']: i for i, joint in enumerate(joints)}
        try:
            flip = [index[joint.get('swap') or joint['name']] for joint in joints]
            pairs = _pairs([[index[name] for name in link['link']] for link in links])
        except KeyError as error:
            raise AMFACError(f'metainfo of {info["dataset_name"]!r} names the joint {error} that keypoint_info '
                             'does not have') from None
        # the colours that MMPose falls back to
        return cls(info['dataset_name'], tuple(index), pairs,
                   _colors([joint.get('color', _RIGHT) for joint in joints]),
                   _colors([link.get('color', (96, 96, 255)) for link in links]), _flip_pairs(flip),
                   _sigmas(info['sigmas']))


def _pairs(pairs) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in pairs)


def _colors(colors) -> tuple[tuple[int, int, int], ...]:
    return tuple(tuple(int(c) for c in color) for color in colors)


def _sigmas(sigmas) -> tuple[float, ...]:
    # float32 -> the decimal number it was written as
    return tuple(float(str(np.float32(s))) for s in sigmas)


def _flip_pairs(indices) -> tuple[tuple[int, int], ...]:
    for joint, other in enumerate(indices):
        if indices[other] != joint:
            raise AMFACError(f'flip_indices: joint {joint} is exchanged with {other}, but {other} with '
                             f'{indices[other]}; flipping twice must restore the picture')
    return tuple((i, int(other)) for i, other in enumerate(indices) if i < other)


_PAIRED = ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')

COCO17 = Skeleton(
    name='coco',
    joints=('nose', *(f'{side}_{part}' for part in _PAIRED for side in ('left', 'right'))),
    links=((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
           (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    joint_colors=(_CENTRE, ) * 5 + (_LEFT, _RIGHT) * 6,
    link_colors=(_LEFT, _LEFT, _RIGHT, _RIGHT, *(_CENTRE, ) * 4, *(_LEFT, _RIGHT) * 2, *(_CENTRE, ) * 7),
    flip_pairs=tuple((i, i + 1) for i in range(1, 17, 2)),
    sigmas=(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
            0.089, 0.089),
)

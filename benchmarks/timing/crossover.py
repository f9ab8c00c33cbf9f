"""From how many people on one-stage and bottom-up systems are faster than top-down ones."""

from collections.abc import Iterator
from typing import NamedTuple

from mmpose_amfac.errors import AMFACError


class Crossover(NamedTuple):
    """Of one pair.

    Attributes:
        top_down, detector, one_stage: names; ``one_stage`` may be a bottom-up system.
        backend, threads: of both.
        people: from so many on the one-stage system is faster, between measured numbers by a straight line; None where
            the same one is faster for all.
        low, high: where the one could be overtaken at the earliest and at the latest: its 90th percentile meets the
            10th of the other, and the other way round. None where that happens at no measured number.
        always: the one that is faster at all measured numbers, or ''.
    """

    top_down: str
    detector: str
    one_stage: str
    backend: str
    threads: int
    people: float | None
    low: float | None
    high: float | None
    always: str

    def told(self) -> str:
        """In words."""
        if self.always:
            return f'{self.always} is faster for all numbers of people'
        low, high = ('outside' if v is None else f'{v:.1f}' for v in (self.low, self.high))
        return f'the first is faster from {self.people:.1f} people on [{low}, {high}]'


def crossover(rows, a, b) -> float | None:
    """From how many people on ``b`` is faster than ``a``.

    Args:
        rows: of the kind ``scaling``, of one back end, number of threads, device and picture.
        a, b: name of a system, or (name, detector).

    Returns:
        The number, or None: the same one is faster at all numbers of people that both have.

    Raises:
        AMFACError: rows of several back ends, threads, devices or pictures, or no number of people that both have.
    """
    found = [_series(rows, key) for key in (a, b)]
    _same([row for series in found for row in series.values()])
    return _cross(*({people: row['seconds'][0] for people, row in series.items()} for series in found))


def crossovers(rows) -> Iterator[Crossover]:
    """Every top-down system with every other one of the same back end, threads, device and picture."""
    groups = {}
    for row in rows:
        if 'seconds' in row:
            groups.setdefault(_where(row), {}).setdefault((row['name'], row['detector']), {})[row['people']] = row
    for group in groups.values():
        sides = ([], [])
        for series in group.values():
            sides[not next(iter(series.values()))['paradigm'].startswith('td-')].append(series)
        for first in sides[0]:
            for second in sides[1]:
                if first.keys() & second.keys():
                    yield _pair(first, second)


def _pair(first, second) -> Crossover:
    slow, fast = (next(iter(series.values())) for series in (first, second))

    def at(i, j):
        return _cross({n: row['seconds'][i] for n, row in first.items()},
                      {n: row['seconds'][j] for n, row in second.items()})

    people = at(0, 0)
    most = max(first.keys() & second.keys())
    always = '' if people is not None else slow['name'] if first[most]['seconds'][0] <= second[most]['seconds'][0] \
        else fast['name']
    return Crossover(slow['name'], slow['detector'], fast['name'], slow['backend'], slow['threads'], people,
                     at(2, 1), at(1, 2), always)


def _cross(a, b) -> float | None:
    """Where the times (people -> seconds) of ``a`` come to be above those of ``b`` and stay there."""
    common = sorted(a.keys() & b.keys())
    if not common:
        raise AMFACError('the two systems have no number of people in common')
    ahead = [a[n] - b[n] for n in common]
    if ahead[-1] <= 0 or min(ahead) > 0:
        return None
    i = max(i for i, value in enumerate(ahead) if value <= 0)
    low, high = common[i], common[i + 1]
    return low + (high - low) * -ahead[i] / (ahead[i + 1] - ahead[i])


def _series(rows, key) -> dict:
    name, detector = (key, None) if isinstance(key, str) else key
    found = [row for row in rows if row['name'] == name and detector in (None, row['detector']) and 'seconds' in row]
    if len({row['detector'] for row in found}) > 1:
        raise AMFACError(f'{name} has rows with several detectors; give (name, detector)')
    _same(found)
    return {row['people']: row for row in found}


def _where(row) -> tuple:
    return row['backend'], row['threads'], row['environment']['device'], tuple(row['picture'])


def _same(rows) -> None:
    if len({_where(row) for row in rows}) > 1:
        raise AMFACError('times may only be compared within one back end, number of threads, device and picture')

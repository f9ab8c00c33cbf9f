"""From how many people on one-stage and bottom-up systems are faster than top-down ones, and the other way round."""

from collections.abc import Iterator
from typing import NamedTuple


class Change(NamedTuple):
    """Where another system becomes the faster one.

    Attributes:
        faster: its name.
        people: from so many on it is faster, between measured numbers by a straight line.
        low, high: where that could be at the earliest and at the latest: its 10th percentile meets the 90th of the
            other, and the other way round. None where that happens between no two measured numbers.
    """

    faster: str
    people: float
    low: float | None
    high: float | None

    def told(self) -> str:
        """In words."""
        low, high = ('outside' if v is None else f'{v:.1f}' for v in (self.low, self.high))
        return f'{self.faster} is faster from {self.people:.1f} people on [{low}, {high}]'


class Crossover(NamedTuple):
    """Of one pair.

    Attributes:
        top_down, detector, one_stage: names; ``one_stage`` may be a bottom-up system.
        backend, threads, device: of both.
        measured: the numbers of people for which both were timed in the same rounds and found all of them.
        changes: in the order of people; with bottom-up systems, whose grouping grows with the people, there may be
            several.
        always: the one that is faster at all measured numbers, or ''.
    """

    top_down: str
    detector: str
    one_stage: str
    backend: str
    threads: int
    device: str
    measured: tuple[int, ...]
    changes: tuple[Change, ...]
    always: str

    def told(self) -> str:
        """In words."""
        what = f'{self.always} is faster at all of them' if self.always else '; '.join(c.told() for c in self.changes)
        return f'measured with {", ".join(map(str, self.measured))} people: {what}'


def crossovers(rows) -> Iterator[Crossover]:
    """Every top-down system with every other one of the same back end, threads, device and picture.

    Times of one number of people are only set against each other where they come from the same rounds (``run``) and
    both systems found all the people.

    Args:
        rows: of the kind ``scaling``.
    """
    groups = {}
    for row in rows:
        if row.get('found') == row['people']:
            groups.setdefault(_where(row), {}).setdefault((row['name'], row['detector']), {})[row['people']] = row
    for group in groups.values():
        sides = ([], [])
        for series in group.values():
            sides[not next(iter(series.values()))['paradigm'].startswith('td-')].append(series)
        for first in sides[0]:
            for second in sides[1]:
                measured = tuple(sorted(n for n in first.keys() & second.keys()
                                        if first[n]['run'] == second[n]['run']))
                if measured:
                    yield _pair(first, second, measured)


def _pair(first, second, measured) -> Crossover:
    slow, fast = first[measured[0]], second[measured[0]]
    changes = sorted([*_overtakes(first, second, measured), *_overtakes(second, first, measured)],
                     key=lambda change: change.people)
    always = '' if changes else min((slow, fast), key=lambda row: row['seconds'][0])['name']
    return Crossover(slow['name'], slow['detector'], fast['name'], slow['backend'], slow['threads'],
                     slow['environment']['device'], measured, tuple(changes), always)


def _overtakes(before, after, measured) -> list[Change]:
    """Where ``after`` becomes faster than ``before``."""

    def crossings(i, j):
        """Where the i-th figure of ``before`` comes to be above the j-th of ``after``."""
        ahead = [before[n]['seconds'][i] - after[n]['seconds'][j] for n in measured]
        return [low + (high - low) * -a / (b - a)
                for low, high, a, b in zip(measured, measured[1:], ahead, ahead[1:]) if a <= 0 < b]

    earliest, latest = crossings(2, 1), crossings(1, 2)
    return [Change(after[measured[0]]['name'], people, max((v for v in earliest if v <= people), default=None),
                   min((v for v in latest if v >= people), default=None)) for people in crossings(0, 0)]


def _where(row) -> tuple:
    return row['backend'], row['threads'], row['environment']['device'], tuple(row['picture']), row['photograph']

"""Which of several models no other beats, what they win, and what misses the limits by how much."""

from dataclasses import dataclass

from benchmarks.choosing.candidates import Figure
from benchmarks.joined import Line, family_of

# option -> (figure of a candidate, 1 where it is an upper limit and -1 where it is a lower one, unit)
LIMITS = {'min_fps': ('ms', 1, 'ms'), 'max_params': ('params', 1, 'M params'), 'max_gmacs': ('gmacs', 1, 'GMACs'),
          'min_ap': ('ap', -1, 'AP')}


@dataclass(frozen=True)
class Candidate:
    """A model with the figures that are compared; a Figure is None where nothing is asked of it and none is known.

    ``work`` is the arithmetic of a whole picture where that is asked for in place of the time.
    """

    line: Line
    ap: Figure
    ms: Figure | None
    params: Figure | None
    gmacs: Figure | None
    work: Figure | None = None

    @property
    def cost(self) -> tuple[float, ...]:
        """What should be small."""
        return -self.ap.value, *(float('inf') if f is None else f.value for f in (self.ms, self.work, self.params))

    def beaten_by(self, other) -> bool:
        """Whether ``other`` is nowhere worse and somewhere better."""
        return other.cost != self.cost and all(a <= b for a, b in zip(other.cost, self.cost, strict=True))

    def misses(self, limits: dict[str, float]) -> dict[str, float]:
        """Option -> by how much its limit is missed, relative."""
        found = {}
        for option, limit in limits.items():
            name, sign, _ = LIMITS[option]
            off = sign * (getattr(self, name).value / limit - 1)
            if off > 0:
                found[option] = off
        return found

    def row(self) -> dict:
        """For ``--json``."""
        figures = {name: getattr(self, name) for name in ('ap', 'ms', 'params', 'gmacs', 'work')}
        return dict(name=self.line.name, system=self.line.title, paradigm=self.line.paradigm,
                    train_data=self.line.train_data, **{name: f and f._asdict() for name, f in figures.items()})


def choose(found: list[Candidate], limits: dict[str, float]) -> dict[str, list[Candidate]]:
    """The answer, best AP first; the best of each other family; and what missed a limit, nearest first."""
    meeting = [c for c in found if not c.misses(limits)]
    answer = sorted((c for c in meeting if not any(c.beaten_by(o) for o in meeting)), key=lambda c: c.cost)
    others = {family_of(c.line.system): c for c in sorted(meeting, key=lambda c: c.cost, reverse=True)}
    for c in answer:
        others.pop(family_of(c.line.system), None)
    best = answer[0].ap.value if answer else float('-inf')
    misses = sorted((c for c in found if c.misses(limits) and c.ap.value > best),
                    key=lambda c: (max(c.misses(limits).values()), c.cost))
    nearest = {}
    for c in misses:
        nearest.setdefault(c.line.title, c)
    return dict(answer=answer, others=sorted(others.values(), key=lambda c: c.cost), misses=list(nearest.values()))


def tightest(found: list[Candidate], limits: dict[str, float]) -> str:
    """The option that the fewest candidates meet."""
    return max(limits, key=lambda option: sum(option in c.misses(limits) for c in found))


def reason(c: Candidate, answer: list[Candidate]) -> str:
    """What a model of the answer wins."""
    if c is answer[0]:
        if len(answer) == 1:
            return 'no other within the limits is better in anything'
        return f'highest AP within the limits, {c.ap.value - answer[1].ap.value:.1f} above {answer[1].line.title}'
    best, won = answer[0], []
    for name, words, unit in (
            ('ms', 'less time', 'ms'), ('work', 'less arithmetic', 'GMACs'), ('params', 'smaller', 'M')):
        mine, its = getattr(c, name), getattr(best, name)
        if mine and its and its.value > mine.value:
            won.append(f'{words} ({mine.value:.3g} against {its.value:.3g} {unit}{_ratios(mine, its)})')
    return f'{" and ".join(won) or "alike in time and size"}, for {best.ap.value - c.ap.value:.1f} AP less'


def _ratios(mine: Figure, its: Figure) -> str:
    """Quotients within a round; medians of two runs have none that is worth its digits."""
    if mine.ratio is None or its.ratio is None:
        return ''
    return '; network {:.2f} [{:.2f}, {:.2f}]'.format(*mine.ratio) + \
        ' against {:.2f} [{:.2f}, {:.2f}] times RTMPose-m'.format(*its.ratio)


def miss(c: Candidate, limits: dict[str, float]) -> str:
    """By how much a model misses the limits."""
    said = []
    for option in c.misses(limits):
        name, sign, unit = LIMITS[option]
        value = getattr(c, name).value
        over = f'{abs(value - limits[option]):.3g} {"over" if sign > 0 else "under"}'
        said.append(f'{value:.3g} {unit}, {over}')
    return f'{c.line.title} (AP {c.ap.value:.1f}) would need {" and ".join(said)}'

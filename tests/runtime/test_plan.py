"""How calls are cut into pieces, and which way is chosen."""

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac.runtime import plan as module
from mmpose_amfac.runtime.plan import BUDGET, MARGIN, PIECES, ROUNDS, Pace, Plan


def pace(threads=2, limit=32, streams=None, piece=None, opened=None):
    return Pace(lambda n: opened.append(n) or f'engine {n}' if opened is not None else n,
                lambda count: lambda engine, rows: None, threads, limit, streams, piece)


class Told(Pace):
    """A pace on a clock of its own: a run of ``plan`` takes ``seconds(plan)``, opening an engine ``opening`` seconds.

    ``runs`` lists (plan, seconds) of what was run, ``now`` is the time that passed.
    """

    def __init__(self, seconds, opening=0.0, threads=2, limit=32):
        super().__init__(self._opened, lambda count: None, threads, limit)
        self._told, self._opening = seconds, opening
        self.now, self.runs = 0.0, []
        self.keep('engine')

    def _opened(self, streams):
        self.now += self._opening
        return 'engine'

    def run(self, count, work, plan=None):
        seconds = self._told(plan)
        self.now += seconds
        self.runs.append((plan, seconds))

    def _time(self, plan):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, 'time', SimpleNamespace(perf_counter=lambda: self.now))
            return super()._time(plan)


def measured(seconds):
    """A pace for which each run of a plan takes a thousandth of what is told, so that all fit into the budget."""
    return Told(lambda plan: seconds[plan] / 1000)


@given(st.integers(1, 8), st.integers(1, 32), st.integers(1, 200))
def test_pieces_cover_everything_once(streams, piece, count):
    slices = Plan(streams, piece).cut(count)
    assert [i for s in slices for i in range(count)[s]] == list(range(count))
    lengths = [s.stop - s.start for s in slices]
    assert max(lengths) <= piece and min(lengths) >= 1
    if streams > 1:
        assert max(lengths) - min(lengths) <= 1
        assert len(slices) % streams == 0 or len(slices) == count
    else:
        assert len(slices) == -(-count // piece)


@pytest.mark.parametrize('plan, count, lengths', [
    (Plan(1, 32), 70, [32, 32, 6]), (Plan(1, 1), 3, [1, 1, 1]),
    (Plan(2, 4), 16, [4, 4, 4, 4]),
    # not 4 + 1: both streams end together
    (Plan(2, 4), 5, [2, 3]), (Plan(2, 4), 9, [2, 2, 2, 3]), (Plan(4, 8), 3, [1, 1, 1])])
def test_cut(plan, count, lengths):
    assert [s.stop - s.start for s in plan.cut(count)] == lengths


@given(st.lists(st.floats(1e-3, 1.0), min_size=8, max_size=8), st.integers(1, 64), st.sampled_from([1, 100, 1000]))
def test_never_slower_than_one_by_one_or_full_batches(costs, count, faster):
    """Whatever the costs of a crop are; where they fit into the budget, all sizes are compared."""
    plans = [Plan(streams, size) for size in PIECES for streams in (1, 2)]
    costs = {plan: cost * plan.piece / faster for plan, cost in zip(plans, costs)}
    chosen = Told(costs.__getitem__)
    best = chosen.expected(chosen.plan(count), count)
    full = Plan(1, max(size for size in chosen.sizes if size <= count))
    for other in (Plan(1, 1), full):
        if faster == 1000:
            assert other in chosen.seconds
        if other in chosen.seconds:
            assert best <= chosen.expected(other, count) * MARGIN * (1 + 1e-9)
    assert MARGIN <= 1.03


def test_streams_are_taken_where_they_pay():
    # a round of two streams takes as long as one crop with two threads, from two crops on
    chosen = measured({Plan(1, size): 0.01 * size for size in PIECES} | {
        Plan(2, 1): 0.012, Plan(2, 2): 0.023, Plan(2, 4): 0.044, Plan(2, 8): 0.12})
    assert chosen.plan(2) == Plan(2, 1)
    assert chosen.plan(16) == Plan(2, 4)
    chosen = measured({Plan(1, 1): 0.01, Plan(1, 2): 0.018, Plan(1, 4): 0.02, Plan(1, 8): 0.05} | {
        Plan(2, size): 0.1 * size for size in PIECES})
    assert chosen.plan(1) == Plan(1, 1)
    assert chosen.plan(16) == Plan(1, 4)


@pytest.mark.parametrize('alone, streams', [(0.7, 1), (1.5, 2)])
def test_one_crop_gets_one_thread_where_two_are_slower(alone, streams):
    chosen = measured({Plan(1, 1): alone, Plan(2, 1): 1.0})
    assert chosen.plan(1) == Plan(streams, 1)


def test_streams_are_preferred_where_it_makes_no_difference():
    chosen = measured({Plan(1, 1): 0.1, Plan(2, 1): 0.101})
    assert chosen.plan(1) == Plan(2, 1)


def test_a_larger_call_measures_larger_pieces():
    """And these only: what smaller ones take is known."""
    grown = Told(lambda plan: 0.001 * plan.piece)
    for count, sizes in ((1, {1}), (1, set()), (3, {2}), (2, set()), (1, set()), (70, {4, 8}), (5, set())):
        before = len(grown.runs)
        grown.plan(count)
        runs = [plan for plan, _ in grown.runs[before:]]
        assert set(runs) == {Plan(streams, size) for size in sizes for streams in (1, 2)}
        # the first run of each is no timing
        assert all(runs.count(plan) == 1 + ROUNDS for plan in runs)


def test_the_fastest_timing_counts():
    """Whatever else runs on a machine makes a network slower, never faster."""
    noise = iter([9, 5, 9, 5, 3, 3, 4, 2, 8, 8, 8, 8, 8, 8])
    noisy = Told(lambda plan: next(noise) / 1000)
    noisy.plan(1)
    assert noisy.seconds == pytest.approx({Plan(1, 1): 0.003, Plan(2, 1): 0.002})


def test_between_two_sizes_the_time_is_in_proportion():
    told = measured({Plan(streams, size): seconds for streams in (1, 2)
                     for size, seconds in zip(PIECES, (1.0, 2.0, 6.0, 20.0))})
    told.plan(8)
    assert told.expected(Plan(1, 4), 3) == pytest.approx(0.004)
    assert told.expected(Plan(1, 8), 7) == pytest.approx(0.0165)
    # 2 + 3 crops at once
    assert told.expected(Plan(2, 4), 5) == pytest.approx(0.004)


# in all, with all sizes of calls; a step that nobody can foresee is the first run, an opening or a compilation
@pytest.mark.parametrize('counts', [(1, 2, 4, 8, 16, 32), (32, ), (1, 32)])
@pytest.mark.parametrize('first', [0.002, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.74, 1.0, 5.0])
@pytest.mark.parametrize('opening, compilation, slower', [(0, 0, 1), (0.1, 0, 1.5), (0.75, 0.45, 1.2), (2, 1, 1)])
def test_measuring_is_bounded(counts, first, opening, compilation, slower):
    """Openings, compilations and first runs count; ``slower`` is what streams take more for a round of pieces."""
    compiled = set()

    def seconds(plan):
        graph = plan.streams, plan.piece == 1
        extra = compilation if graph not in compiled and graph != (1, True) else 0
        compiled.add(graph)
        return extra + first * plan.piece * (slower if plan.streams > 1 else 1)

    told = Told(seconds, opening)
    for count in counts:
        told.plan(count)
    assert told.now <= max(BUDGET, first) + max(opening + compilation, first)
    assert Plan(1, 1) in told.seconds
    if first > BUDGET / 2:
        assert told.runs == [(Plan(1, 1), first)]
    elif first <= 0.01 and opening < 1:
        assert Plan(2, 1) in told.seconds


def test_small_calls_leave_time_for_large_ones():
    """A camera that sees one person at first."""
    told = Told(lambda plan: 0.012 * plan.piece, 0.1)
    for count in (1, 2, 4):
        told.plan(count)
    assert set(told.seconds) == {Plan(streams, size) for streams in (1, 2) for size in (1, 2, 4)}


def test_openings_and_compilations_count():
    """What follows them is not begun, though it would take no time."""
    told = Told(lambda plan: 0.001 * plan.piece, opening=BUDGET)
    told.plan(32)
    assert set(told.seconds) == {Plan(1, 1), Plan(2, 1)} and len(told.runs) <= ROUNDS + 3


@pytest.mark.parametrize('alone, begun', [(0.02, True), (0.05, False)])
def test_streams_of_many_threads_may_take_as_many_times_as_long(alone, begun):
    """As in a network that runs perfectly on 16 threads."""
    told = Told(lambda plan: alone * plan.streams * plan.piece, threads=16)
    told.plan(1)
    assert (Plan(16, 1) in told.seconds) == begun and told.now <= BUDGET


def test_a_compilation_that_takes_long_is_no_timing():
    """Longer than half of the budget, at the first batch of several crops."""
    compilations = iter([1.0])
    told = Told(lambda plan: 0.001 * plan.piece + (next(compilations, 0) if plan == Plan(1, 2) else 0))
    told.plan(32)
    assert (Plan(1, 2), 1.002) in told.runs
    assert told.seconds[Plan(1, 2)] == pytest.approx(0.002)


def test_a_way_that_takes_long_does_not_end_the_other():
    """Full batches are compared though streams do not fit."""
    told = Told(lambda plan: (0.01 if plan.streams == 1 else 0.4) * plan.piece)
    told.plan(32)
    assert set(told.seconds) == {Plan(1, size) for size in PIECES} | {Plan(2, 1)}


def test_slow_networks_do_not_reach_large_pieces():
    slow = Told(lambda plan: 0.45 * plan.piece)
    slow.plan(4)
    # twice, the first time to warm up
    assert slow.runs == [(Plan(1, 1), 0.45)] * 2
    slow.plan(40)
    assert len(slow.runs) == 2 and slow.plan(40) == Plan(1, 1)


def test_nothing_is_measured_where_nothing_is_left_to_choose(monkeypatch):
    monkeypatch.setattr(Pace, '_time', lambda *_: pytest.fail('measured'))
    assert pace(streams=1, piece=32).plan(70) == Plan(1, 32)
    assert pace(threads=1).plan(1) == Plan(1, 1)
    assert pace(threads=1, limit=1).plan(70) == Plan(1, 1)


def test_streams_run_at_the_same_time_and_keep_the_order():
    barrier = threading.Barrier(2, timeout=10)

    def work(engine, rows):
        # passes only if another piece runs now
        barrier.wait()
        return rows.start

    assert pace(streams=2, piece=1).run(6, work) == [0, 1, 2, 3, 4, 5]

"""How calls are cut into pieces, and which way is chosen."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac.runtime.plan import MARGIN, PIECES, Pace, Plan


def pace(threads=2, limit=32, streams=None, piece=None, opened=None):
    return Pace(lambda n: opened.append(n) or f'engine {n}' if opened is not None else n,
                lambda count: lambda engine, rows: None, threads, limit, streams, piece)


def measured(seconds):
    """A pace for which each timing of a plan takes as long as is told."""
    told = pace()
    told._time = seconds.__getitem__
    return told


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


@given(st.lists(st.floats(1e-3, 1.0), min_size=8, max_size=8), st.integers(1, 64))
def test_never_slower_than_one_by_one_or_full_batches(costs, count):
    """Whatever the measured costs of a crop are, by what was measured."""
    plans = [Plan(streams, size) for size in PIECES for streams in (1, 2)]
    chosen = measured({plan: cost * plan.piece for plan, cost in zip(plans, costs)})
    best = chosen.expected(chosen.plan(count), count)
    full = Plan(1, max(size for size in chosen.sizes if size <= count))
    for other in (Plan(1, 1), full):
        if other in chosen.seconds:
            assert best <= chosen.expected(other, count) * MARGIN * (1 + 1e-9)


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
    timed = []
    grown = pace()
    grown._time = lambda plan: timed.append(plan) or 0.01
    for count, largest, measures in ((1, 1, True), (1, 1, False), (3, 2, True), (2, 2, False), (1, 2, False),
                                     (70, 8, True), (5, 8, False)):
        before = len(timed)
        grown.plan(count)
        assert max(plan.piece for plan in grown.seconds) == largest
        assert (len(timed) > before) == measures
    assert {plan.streams for plan in timed} == {1, 2}


def test_slow_networks_do_not_reach_large_pieces():
    timed = []
    slow = pace()
    slow._time = lambda plan: timed.append(plan) or 0.45
    slow.plan(4)
    # each twice, the first of them to warm up
    assert timed == [Plan(1, 1)] * 2 + [Plan(2, 1)] * 2
    slow.plan(4)
    assert len(timed) == 4


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

"""How calls are cut into pieces, and which way is chosen."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac.runtime.plan import PIECES, Pace, Plan


def pace(threads=2, limit=32, streams=None, piece=None, opened=None):
    return Pace(lambda n: opened.append(n) or f'engine {n}' if opened is not None else n,
                lambda count: lambda engine, rows: None, threads, limit, streams, piece)


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


@given(st.lists(st.floats(1e-3, 1.0), min_size=8, max_size=8), st.integers(2, 64))
def test_never_slower_than_one_by_one_or_full_batches(costs, count):
    """Whatever the measured costs of a crop are, by what was measured."""
    chosen = pace()
    plans = [Plan(streams, size) for streams in (1, 2) for size in PIECES]
    chosen.seconds = {plan: cost * plan.piece for plan, cost in zip(plans, costs)}
    best = chosen.expected(chosen.plan(count), count)
    assert best <= chosen.expected(Plan(1, 1), count) * (1 + 1e-9)
    assert best <= chosen.expected(Plan(1, PIECES[-1]), count) * (1 + 1e-9)


def test_streams_are_taken_where_they_pay():
    chosen = pace()
    # a round of two streams takes as long as one crop with two threads, from two crops on
    chosen.seconds = {Plan(1, 1): 1.0, Plan(1, 4): 4.0, Plan(2, 1): 1.2, Plan(2, 4): 4.4}
    assert chosen.plan(1) == Plan(1, 1)
    assert chosen.plan(2) == Plan(2, 1)
    assert chosen.plan(16) == Plan(2, 4)
    chosen = pace()
    chosen.seconds = {Plan(1, 1): 1.0, Plan(1, 4): 2.0, Plan(2, 1): 2.5, Plan(2, 4): 9.0}
    assert chosen.plan(16) == Plan(1, 4)


def test_one_crop_measures_nothing_and_opens_one_engine():
    opened = []
    one = pace(opened=opened)
    assert one.run(1, lambda engine, rows: (engine, rows)) == [('engine 1', slice(0, 1))]
    assert opened == [1] and not one.seconds


def test_measuring_is_done_once_and_within_its_time(monkeypatch):
    """With a clock of its own: every timing takes 0.3 s, so that the large pieces are not reached."""
    from mmpose_amfac.runtime import plan as module
    clock, timed = [0.0], []
    monkeypatch.setattr(module.time, 'perf_counter', lambda: clock[0])

    def timing(self, plan):
        clock[0] += 0.3
        timed.append(plan)
        return 0.3

    monkeypatch.setattr(Pace, '_time', timing)
    measured = pace()
    measured.plan(4)
    # each twice, the first of them to warm up
    assert timed == [Plan(1, 1)] * 2 + [Plan(2, 1)] * 2
    measured.plan(5)
    assert len(timed) == 4


def test_nothing_is_measured_where_nothing_is_left_to_choose(monkeypatch):
    monkeypatch.setattr(Pace, '_time', lambda *_: pytest.fail('measured'))
    assert pace(streams=1, piece=32).plan(70) == Plan(1, 32)
    assert pace(threads=1, limit=1).plan(70) == Plan(1, 1)


def test_streams_run_at_the_same_time_and_keep_the_order():
    barrier = threading.Barrier(2, timeout=10)

    def work(engine, rows):
        # passes only if another piece runs now
        barrier.wait()
        return rows.start

    assert pace(streams=2, piece=1).run(6, work) == [0, 1, 2, 3, 4, 5]

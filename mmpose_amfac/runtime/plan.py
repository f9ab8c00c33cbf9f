"""How the crops of a call are cut into pieces and run: chosen by measurement.

Two ways compete. *Threads*: one piece after the other, each with all threads inside the network. *Streams*: as many
pieces at the same time as there are threads, each with one thread, which scales better in small networks; crops are cut
and decoded in the same threads. Both with pieces of 1, 2, 4, ... crops.

Which way is faster is no property of the network alone. Threads inside a network hand over work some hundred times a
call, so they depend on how near the cores are to each other: on a virtual machine whose two cores the host moved
between neighbouring (60 ns for a hand-over and back) and distant ones (330 ns), two threads took 0.7 times as long as
one, or 1.8 times. Hence a single crop is measured too: one thread may be faster. Streams do not care.

Measured, and not worth their lines: pieces of more than 8 crops (with streams no faster than 4), and threads inside
ONNX Runtime that never spin (a third slower for a single crop on neighbouring cores). What does pay there is that they
stop spinning when a call ends, else they hold a core for 40 ms against the streams or the detector that come next.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

PIECES = (1, 2, 4, 8)
# seconds in the life of a pace, for all that measuring takes: openings, compilations, first runs and timings
BUDGET = 1.5
# most timings of a candidate, and the share of what is left that the larger ones find after it
ROUNDS = 6
KEPT = 0.5
# streams are taken where threads are not faster by more than this: they go on being fast when cores are moved or shared
MARGIN = 1.02


class Plan(NamedTuple):
    """``streams`` pieces at a time, each of at most ``piece`` crops."""

    streams: int
    piece: int

    def cut(self, count: int) -> list[slice]:
        """Slices of ``range(count)`` of nearly equal length: with streams, none waits for a larger one at the end."""
        pieces = -(-count // self.piece)
        if self.streams > 1:
            pieces = min(count, -(-pieces // self.streams) * self.streams)
            ends = [count * i // pieces for i in range(pieces + 1)]
        else:
            ends = [*range(0, count, self.piece), count]
        return [slice(a, b) for a, b in zip(ends, ends[1:])]


class Pace:
    """Runs the pieces of each call in the fastest way.

    A call measures the candidates with pieces up to its own number of crops that no call measured before, on crops of
    noise, small pieces first. All measuring of an object together takes ``BUDGET`` seconds: a candidate that, by the
    ones before it, does not fit into what is left is not begun. So in a slow network neither streams nor large pieces
    are candidates. The bound is passed by what cannot be foreseen: the first run of a network that takes longer than
    that, or an opening or compilation.

    Args:
        open_engine: number of streams -> an engine for so many calls at once.
        sample: number of crops -> a function that does the work of one piece with an engine.
        threads: of the CPU; 1 or a GPU leaves nothing to choose between streams.
        limit: largest piece.
        streams: 1 or ``threads`` to take this way without measuring.
        piece: crops of a piece, without measuring.
    """

    def __init__(self, open_engine: Callable, sample: Callable, threads: int, limit: int, streams: int | None = None,
                 piece: int | None = None):
        self._open, self._sample = open_engine, sample
        self.ways = (streams, ) if streams else ((1, threads) if threads > 1 else (1, ))
        self.sizes = (piece, ) if piece else tuple(p for p in PIECES if p <= limit) or (limit, )
        self.seconds: dict[Plan, float] = {}
        self._largest, self._left = 0, BUDGET
        self._engines, self._plans, self._pool = {}, {}, None

    def engine(self, streams: int):
        """The engine of a way, opened at its first use."""
        if streams not in self._engines:
            self._engines[streams] = self._open(streams)
        return self._engines[streams]

    def keep(self, engine) -> None:
        """Use an engine that is already open for one call at a time."""
        self._engines[1] = engine

    def run(self, count: int, work: Callable, plan: Plan | None = None) -> list:
        """``work(engine, slice)`` for slices of ``count`` crops, in their order; by the fastest plan, or by another."""
        plan = plan or self.plan(count)
        engine, slices = self.engine(plan.streams), plan.cut(count)
        if plan.streams == 1 or len(slices) == 1:
            return [work(engine, piece) for piece in slices]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(plan.streams, 'amfacpose')
        return list(self._pool.map(lambda piece: work(engine, piece), slices))

    def plan(self, count: int) -> Plan:
        """The fastest way for ``count`` crops."""
        sizes = [size for size in self.sizes if size <= count] or self.sizes[:1]
        if len(self.ways) == len(sizes) == 1:
            return Plan(self.ways[0], sizes[0])
        if sizes[-1] > self._largest:
            self._measure(sizes)
        if count not in self._plans:
            self._plans[count] = min(self.seconds, key=lambda plan: self.expected(plan, count) *
                                     (MARGIN if plan.streams == 1 else 1))
        return self._plans[count]

    def expected(self, plan: Plan, count: int) -> float:
        """Seconds for ``count`` crops after what was measured."""
        lengths = [piece.stop - piece.start for piece in plan.cut(count)]
        rounds = [max(lengths[i:i + plan.streams]) for i in range(0, len(lengths), plan.streams)]
        return sum(self._round(plan.streams, length) for length in rounds)

    def _round(self, streams: int, length: int) -> float:
        """Seconds of ``streams`` pieces of ``length`` crops at the same time, from the sizes around it."""
        known = sorted((plan.piece, seconds) for plan, seconds in self.seconds.items() if plan.streams == streams)
        (low, least), (high, most) = known[0], known[-1]
        for size, seconds in known:
            if size <= length:
                low, least = size, seconds
            if size >= length:
                high, most = size, seconds
                break
        if high <= low:
            return least * length / low
        return least + (most - least) * (length - low) / (high - low)

    def _measure(self, sizes) -> None:
        """Time the candidates of the sizes that are new, as far as they fit into the budget."""
        new = [size for size in sizes if size > self._largest]
        self._largest, self._plans = sizes[-1], {}
        for size in new:
            begun = []
            for plan in (Plan(streams, size) for streams in self.ways):
                foreseen = self._foreseen(plan)
                if 2 * foreseen > self._left:
                    continue
                # it allocates, and compiles in OpenVINO; the second one tells the time
                first = self._time(plan)
                self.seconds[plan] = self._time(plan) if foreseen or first <= BUDGET / 2 else first
                begun.append(plan)
            kept = self._left * KEPT
            for plan in begun * (ROUNDS - 1):
                if self._left - self.seconds[plan] < kept:
                    break
                self.seconds[plan] = min(self.seconds[plan], self._time(plan))

    def _foreseen(self, plan: Plan) -> float:
        """Seconds that one run of a candidate takes at most, by those before it; 0 for the first."""
        # N threads in a network make it N times as fast at best, so N streams take at most N times as long
        for streams, factor in ((plan.streams, 1), (self.ways[0], plan.streams)):
            if known := [other for other in self.seconds if other.streams == streams]:
                return factor * self.seconds[max(known)] * plan.piece / max(known).piece
        return 0.0

    def _time(self, plan: Plan) -> float:
        """Seconds of as many pieces as there are streams; whatever it takes besides is off the budget too."""
        begin = time.perf_counter()
        count = plan.streams * plan.piece
        work = self._sample(count)
        self.engine(plan.streams)
        start = time.perf_counter()
        self.run(count, work, plan)
        end = time.perf_counter()
        self._left -= end - begin
        return end - start

"""How the crops of a call are cut into pieces and run: chosen by measurement.

Two ways compete. *Threads*: one piece after the other, each with all threads inside the network. *Streams*: as many
pieces at the same time as there are threads, each with one thread, which scales better in small networks; crops are cut
and decoded in the same threads. Both with pieces of 1, 2, 4, ... crops.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

PIECES = (1, 2, 4, 8)
# seconds, for all candidates together
BUDGET = 0.8
SETTLE = 0.004


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

    The first call with more than one crop measures the candidates on crops of its own, small pieces first and again
    and again, for about ``BUDGET`` seconds; what was measured stays with the object. In a slow network that time does
    not reach the large pieces, which then are no candidates.

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
        self._engines, self._plans, self._pool = {}, {}, None

    def engine(self, streams: int):
        """The engine of a way, opened at its first use."""
        if streams not in self._engines:
            self._engines[streams] = self._open(streams)
        return self._engines[streams]

    def keep(self, engine) -> None:
        """Use an engine that is already open for one call at a time."""
        self._engines[1] = engine

    def run(self, count: int, work: Callable) -> list:
        """``work(engine, slice)`` for slices of ``count`` crops, in their order."""
        return self._run(self.plan(count), count, work)

    def _run(self, plan: Plan, count: int, work: Callable) -> list:
        engine, slices = self.engine(plan.streams), plan.cut(count)
        if plan.streams == 1 or len(slices) == 1:
            return [work(engine, piece) for piece in slices]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(plan.streams, 'amfacpose')
        return list(self._pool.map(lambda piece: work(engine, piece), slices))

    def plan(self, count: int) -> Plan:
        """The fastest way for ``count`` crops."""
        if len(self.ways) == len(self.sizes) == 1:
            return Plan(self.ways[0], self.sizes[0])
        if count == 1:
            return Plan(self.ways[0], 1)
        if not self.seconds:
            self._measure()
        if count not in self._plans:
            self._plans[count] = min(self.seconds, key=lambda plan: self.expected(plan, count))
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

    def _measure(self) -> None:
        times: dict[Plan, list] = {}
        deadline = time.perf_counter() + BUDGET
        while time.perf_counter() < deadline:
            for size in self.sizes:
                for streams in self.ways:
                    plan = Plan(streams, size)
                    if plan not in times:
                        # the first run of a size allocates, and compiles in OpenVINO
                        self._time(plan)
                    times.setdefault(plan, []).append(self._time(plan))
                if time.perf_counter() > deadline:
                    break
        self.seconds = {plan: min(seconds) for plan, seconds in times.items()}

    def _time(self, plan: Plan) -> float:
        count = plan.streams * plan.piece
        work = self._sample(count)
        self.engine(plan.streams)
        # threads of an engine that has just run go on spinning for a while
        time.sleep(SETTLE)
        start = time.perf_counter()
        self._run(plan, count, work)
        return time.perf_counter() - start

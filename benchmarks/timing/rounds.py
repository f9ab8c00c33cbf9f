"""Times that may be compared: rounds in which every candidate runs once, in a new order each time."""

import time
from collections.abc import Callable

import numpy as np

from mmpose_amfac.errors import integer


def interleaved(candidates: dict[str, Callable[[], object]], rounds: int, warm_up: int = 2, seed: int = 0,
                progress=None, pause: float = 0.0) -> dict[str, np.ndarray]:
    """Seconds of each candidate in each round.

    What else the machine does hits all candidates of a round alike, so quotients within a round mean more than times.

    Args:
        candidates: name -> function to be timed.
        rounds: how often each is timed.
        warm_up: calls of each before the first round.
        seed: of the order.
        progress: called after each round.
        pause: seconds before each call, where threads of the call before go on spinning.

    Returns:
        name -> (rounds,) seconds.

    Raises:
        AMFACError: ``rounds`` is not a positive integer.
    """
    integer('rounds', rounds)
    names, order = list(candidates), np.random.default_rng(seed)
    for name in names:
        for _ in range(warm_up):
            candidates[name]()
    seconds = {name: np.empty(rounds) for name in names}
    for i in range(rounds):
        for j in order.permutation(len(names)):
            time.sleep(pause)
            start = time.perf_counter()
            candidates[names[j]]()
            seconds[names[j]][i] = time.perf_counter() - start
        if progress:
            progress()
    return seconds


def spread(values) -> list[float]:
    """Median, 10th and 90th percentile."""
    return [round(float(v), 4) for v in np.percentile(values, (50, 10, 90))]

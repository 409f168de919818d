"""Contenders timed in turns, so that what else a machine does meets all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Seconds = Mapping[str, Sequence[float]]


class Ratio(NamedTuple):
    """How many times as long a contender takes as another: over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}–{self.high:.2f}]"


def alternate(runs: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Seconds of every run, by name: after a warm-up of each, round by round one of each.

    A run is over when it returns; what runs asynchronously must be waited for inside.
    """
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(seconds: Sequence[float], base: Sequence[float]) -> Ratio:
    """The ratios of two contenders' seconds, each taken within a round."""
    ratios = [own / other for own, other in zip(seconds, base)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))

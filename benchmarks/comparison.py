"""Contenders, and the columns of the tables that compare them."""

import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.report import number
from benchmarks.timing import alternate, ratio
from metainr.reporting.tables import NOTHING

OURS = "ours"
"""The name of the contender that the others are held against."""

HEADER = ("contender", "seconds", "× ours", "GFLOP/s", "% of peak", "compile s", "memory MB")


class Contender(NamedTuple):
    """One way to do a piece of work.

    run: does it once and waits for the end; None if it must not be run.
    note: why not.
    compile_seconds: of tracing and compiling; None where nothing is compiled.
    bytes: of scratch memory, as compiled or predicted; None if unknown.
    """

    run: Callable[[], object] | None
    note: str = ""
    compile_seconds: float | None = None
    bytes: float | None = None


class Measured(NamedTuple):
    """A contender, its median seconds (None: not run) and its ratio to ours as a cell."""

    name: str
    contender: Contender
    seconds: float | None
    ratio: str


def if_it_fits(contender: Contender, needed: float, available: float) -> Contender:
    """The contender, or one that must not be run if it needs more bytes than there are."""
    if needed <= available:
        return contender
    return contender._replace(run=None, note=f"does not fit ({needed / 1e9:.1f} GB)")


def compare(contenders: Mapping[str, Contender], rounds: int) -> list[Measured]:
    """Times contenders in turns; those that must not run are listed all the same."""
    runs = {name: c.run for name, c in contenders.items() if c.run is not None}
    seconds = alternate(runs, rounds)

    def measured(name, contender):
        if name not in seconds:
            return Measured(name, contender, None, NOTHING)
        base = seconds.get(OURS)
        own = "1" if name == OURS else NOTHING if base is None else str(ratio(seconds[name], base))
        return Measured(name, contender, statistics.median(seconds[name]), own)

    return [measured(name, contender) for name, contender in contenders.items()]


def cells(measured: Measured, flops: float, peak: float) -> tuple[str, ...]:
    """A row below HEADER, `flops` being the operations of the work and `peak` per second."""
    contender, seconds = measured.contender, measured.seconds
    megabytes = None if contender.bytes is None else contender.bytes / 1e6
    rate = None if seconds is None else flops / seconds
    return (
        measured.name,
        contender.note if seconds is None else number(seconds, 3),
        measured.ratio,
        number(rate and rate / 1e9),
        number(rate and 100 * rate / peak),
        number(contender.compile_seconds, 1),
        number(megabytes, 1),
    )


def note(rounds: int, peak: float) -> str:
    """What the columns below HEADER mean."""
    return (
        f"Medians of {rounds} rounds; × ours: median [least–most] of the rounds' ratios. "
        f"Peak: {peak / 1e9:.0f} GFLOP/s, float32 matrix products, same run. "
        "Memory: scratch, as compiled."
    )

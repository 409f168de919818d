"""How fast a run trains beside what the machine can do: rates, shares, peak memory."""

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from metainr.numerics.peak import matmul_peak
from metainr.platforms import this_platform

INSTRUMENTS = "instruments.json"
"""The file of a run that holds the `Meter.summary` of its last stretch of steps."""


class Cost(NamedTuple):
    """What one outer step takes, all devices together.

    tasks: signals;
    points: the most points at which one gradient asks the field;
    flops: operations of the matrix products (`metainr.numerics.flops`).
    """

    tasks: int
    points: int
    flops: int


class Meter:
    """The clock of a run's steps, started when made. What `lap` and `summary` tell:

    steps_per_second, tasks_per_second, flops_per_second, and peak_share, the latter's part of peak;
    data_wait_share: of the time, what passed waiting for data;
    compile_seconds, and peak_memory_bytes where it is known.

    Args:
        cost: of a step.
        peak: FLOP/s that the machine reaches at best (`machine_peak`).
        compile_seconds: that compiling the step took.
        step_bytes: of memory that it needs on a device, by its compiler.
    """

    def __init__(self, cost: Cost, peak: float, compile_seconds: float, step_bytes: int):
        self._cost, self._peak, self._compile_seconds = cost, peak, compile_seconds
        self._step_bytes = step_bytes
        self._before = _Span(0, 0.0, 0.0)
        self._steps, self._waited, self._since = 0, 0.0, time.perf_counter()

    def step(self) -> None:
        """Counts a step."""
        self._steps += 1

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """What passes within it passes waiting for data."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What passes within it does not count."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began

    def lap(self) -> dict[str, float]:
        """Rates since the last lap, or the start."""
        return self._rates(self._finished())

    def summary(self) -> dict[str, Any]:
        """Rates of all steps, their number and seconds, and all that in a line: `summary`."""
        self._finished()
        total = {"steps": self._before.steps, "seconds": self._before.seconds}
        total |= self._rates(self._before) | {"matmul_peak": self._peak}
        total |= {"step_memory_bytes": self._step_bytes}
        return {"summary": _line(total)} | total

    def _finished(self):
        """The span of steps that ends here; the next one begins."""
        now = time.perf_counter()
        span = _Span(self._steps, now - self._since, self._waited)
        steps, seconds, waited = self._before
        self._before = _Span(steps + span.steps, seconds + span.seconds, waited + span.waited)
        self._steps, self._waited, self._since = 0, 0.0, now
        return span

    def _rates(self, span):
        steps = span.steps / span.seconds
        flops = steps * self._cost.flops
        memory = peak_memory()
        return {
            "steps_per_second": steps,
            "data_wait_share": span.waited / span.seconds,
            "tasks_per_second": steps * self._cost.tasks,
            "flops_per_second": flops,
            "peak_share": flops / self._peak,
            "compile_seconds": self._compile_seconds,
        } | ({} if memory is None else {"peak_memory_bytes": memory})


class _Span(NamedTuple):
    """Steps, their seconds, and of these what was waited for data."""

    steps: int
    seconds: float
    waited: float


def machine_peak(num_devices: int) -> float:
    """FLOP/s of the devices' matrix products at best; those of a CPU share its cores."""
    return matmul_peak() * (1 if this_platform().one_machine else num_devices)


def peak_memory() -> int | None:
    """The most bytes in use so far: on CPU of this process, elsewhere of the fullest own device.

    None where the device does not say.
    """
    if this_platform().one_machine:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    return max((s["peak_bytes_in_use"] for s in stats if "peak_bytes_in_use" in s), default=None)


def _line(total):
    unit, prefix = (1e12, "T") if total["matmul_peak"] >= 1e12 else (1e9, "G")
    memory = total.get("peak_memory_bytes")
    return (
        f"{total['steps']} steps in {_number(total['seconds'])} s: "
        f"{_number(total['steps_per_second'])} steps/s, "
        f"{_number(total['tasks_per_second'])} tasks/s, "
        f"{_number(total['flops_per_second'] / unit)} {prefix}FLOP/s "
        f"({100 * total['peak_share']:.0f} % of the matmul peak of "
        f"{_number(total['matmul_peak'] / unit)}), "
        f"compile {_number(total['compile_seconds'])} s"
        + ("" if memory is None else f", peak memory {memory / 1e9:.1f} GB")
    )


def _number(value):
    """Two or three digits, as people write them."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"

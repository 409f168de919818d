"""A trace of some training steps: what host and device did when."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import jax

from metainr.output import say

_SKIPPED = 10  # the first steps warm up
_TRACED = 10


@contextlib.contextmanager
def tracing(folder: Path | None, start: int, end: int) -> Iterator[Callable[[int], None]]:
    """Within it, `before(step)`, called ahead of every step, traces ten of the steps of a run.

    They are 11 to 20 of the steps start + 1, …, end, or the last ones where there are fewer.
    Leaving it prints where the trace is and what shows it.

    Args:
        folder: gets the trace; None: nothing is traced.
        start: steps done before the run.
        end: its last step.
    """
    num_steps = min(_TRACED, end - start)
    first = start + 1 + min(_SKIPPED, end - start - num_steps)
    running: list[Path] = []

    def stop():
        traced = running.pop()
        jax.profiler.stop_trace()
        files = traced.glob("plugins/profile/*/perfetto_trace.json.gz")
        newest = max(files, key=lambda file: file.stat().st_mtime)
        say(
            f"profile of steps {first} to {first + num_steps - 1}: open {newest} at https://ui.perfetto.dev,"
            f" or run tensorboard --logdir={traced} (with tensorboard-plugin-profile)"
        )

    def before(step):
        if folder is not None and step == first:
            jax.profiler.start_trace(folder, create_perfetto_trace=True)
            running.append(folder)
        elif running and step == first + num_steps:
            stop()

    try:
        yield before
    finally:
        if running:
            stop()

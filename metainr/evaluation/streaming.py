"""Test-time fits of any number of signals, which stream through a bounded number of slots.

The device works on one block of slots while the caller reads the signals of the next and writes the
fits of the one before: memory grows with the slots, never with the number of signals.
"""

import functools
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from metainr.evaluation.blocks import make_engine, shared_slots
from metainr.evaluation.fitting import SLOTS, Score
from metainr.types import Contender, Key, Params, Support, Task

_STEPS_AT_ONCE = 32


class Request(NamedTuple):
    """A fit to make.

    tag: what its results are handed back with;
    task: NumPy arrays, of the same shapes in all requests; steps see its `support`, and the score
        is given all of it as its signal;
    number: in [0, 2^32), tells the random draws of its steps from those of other requests;
    num_steps: how many steps to take; 0 leaves the init as it is.
    """

    tag: Any
    task: Task
    number: int
    num_steps: int


class Fit(NamedTuple):
    """A fit as NumPy arrays; finite or not, as the steps left it.

    metrics: by name, [num_steps + 1, ...], before every step and after the last, but for what only
        the loss tells, which is known before the steps alone;
    params: the weights after the last step;
    view: what was asked to be kept of them;
    seconds: its share of the time that its block took.
    """

    metrics: dict[str, np.ndarray]
    params: Params
    view: Any
    seconds: float


Stream = Callable[..., Iterator[tuple[Any, tuple[Fit, ...]]]]


def make_stream(
    score: Score,
    view: Callable[[Params], Any],
    *,
    slots: int,
    steps_per_dispatch: int,
    mesh: Mesh | None = None,
) -> Stream:
    """Builds `stream(contenders, requests, key)`, which yields (tag, a Fit by each contender).

    It takes from an iterable of requests as many as there are slots, fits them from every
    contender's init, and yields them in order when the next block is on its way. A fit depends on
    its request, contender and key alone, not on what shares its block. Calls share their compiled
    programs, one set for every loop and optimizer.

    Args:
        score: what to measure; `of_loss`, if there is one, gives at least the metrics of `full`.
        view: params -> what else to keep of a fit.
        slots: fits side by side; rounded up to what a mesh's devices share equally.
        steps_per_dispatch: steps that the device takes before Python is asked again.
        mesh: of this process' devices to divide the slots over; None: one device.
    """
    slots = shared_slots(slots, mesh)

    def record(params, task, loss):
        return score.full(params, task) if score.of_loss is None else score.of_loss(loss)

    engine = make_engine(
        lambda task, key: task.support,
        {
            "params": lambda params, task: params,
            "metrics": score.full,
            "view": lambda params, task: view(params),
        },
        record,
        steps_per_dispatch,
        mesh,
    )

    def dispatch(contender, requests, key):
        tasks, numbers, counts = (
            [getattr(request, name) for request in requests]
            for name in ("task", "number", "num_steps")
        )
        block, tables = engine.begin(contender, tasks, numbers, key, slots), []
        for begin in range(0, max(counts), steps_per_dispatch):
            jax.block_until_ready(tables[-1:])  # Ctrl-C is answered between two dispatches
            now = np.clip(np.subtract(counts, begin), 0, steps_per_dispatch)
            block, table = engine.advance(block, now)
            tables.append(table)
        return tables, engine.look(block, ("params", "metrics", "view"))

    def stream(
        contenders: Sequence[Contender], requests: Iterable[Request], key: Key
    ) -> Iterator[tuple[Any, tuple[Fit, ...]]]:
        requests = iter(requests)
        before, last = [], None
        while block := list(itertools.islice(requests, slots)):
            runs = []
            for contender in contenders:
                if last is not None:
                    last.wait()  # else two runs share the device, and neither's time is known
                last = _Run(functools.partial(dispatch, contender, block, key))
                runs.append(last)
            yield from before
            before = _results(block, runs)
        yield from before

    return stream


def fit_each(
    contenders: Sequence[Contender],
    supports: Sequence[Support],
    key: Key,
    num_steps: int,
    mesh: Mesh | None = None,
) -> list[tuple[Fit, ...]]:
    """Fits given supports, all of the same shapes, and returns for each a Fit by each contender.

    Their one metric is the "loss" before every step. Calls share their compiled programs.
    """
    stream = _stream_of_losses(min(SLOTS, len(supports)), mesh)
    requests = (Request(i, Task(x, None), i, num_steps) for i, x in enumerate(supports))
    return [fits for _, fits in stream(contenders, requests, key)]


@functools.lru_cache(maxsize=8)
def _stream_of_losses(slots, mesh):
    return make_stream(
        Score(lambda params, task: {}, lambda loss: {"loss": loss}),
        lambda params: (),
        slots=slots,
        steps_per_dispatch=_STEPS_AT_ONCE,
        mesh=mesh,
    )


class _Run:
    """A block's fits by one contender, on the device or done."""

    def __init__(self, dispatch):
        self._began = time.perf_counter()
        self.outputs = dispatch()
        self.seconds = None

    def wait(self):
        if self.seconds is None:
            jax.block_until_ready(self.outputs)
            self.seconds = time.perf_counter() - self._began


def _results(block, runs):
    """Yields (tag, fits) of a block, once they are there."""
    for run in runs:
        run.wait()
    outputs = [jax.tree.map(np.asarray, run.outputs) for run in runs]
    for slot, request in enumerate(block):
        fits = (
            _fit(request, run.seconds / len(block), *jax.tree.map(lambda x, i=slot: x[i], arrays))
            for run, arrays in zip(runs, outputs)
        )
        yield request.tag, tuple(fits)


def _fit(request, seconds, tables, found):
    metrics = {}
    for name in tables[0] if tables else found["metrics"]:
        rows = itertools.chain.from_iterable(table[name] for table in tables)
        last = [found["metrics"][name]] if name in found["metrics"] else []
        metrics[name] = np.stack([*itertools.islice(rows, request.num_steps), *last])
    return Fit(metrics, found["params"], found["view"], seconds)

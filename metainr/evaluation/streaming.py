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
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from metainr.devices import TASK, spread_tasks
from metainr.evaluation.fitting import Score
from metainr.types import Array, Contender, Hyper, Key, Params, Task


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

    metrics: by name, [num_steps + 1, ...], before every step and after the last;
    params: the weights after the last step;
    view: what was asked to be kept of them;
    seconds: its share of the time that its block took.
    """

    metrics: dict[str, np.ndarray]
    params: Params
    view: np.ndarray
    seconds: float


Stream = Callable[..., Iterator[tuple[Any, tuple[Fit, ...]]]]


class _Programs(NamedTuple):
    """The compiled programs of one loop and optimizer; every argument but the first is a stack.

    init: ((contender's meta_params, rate), numbers) -> states;
    advance: ((key, rate), states, tasks, numbers, counts) -> (states, metrics before each step
        [slots, steps_per_dispatch]); takes over the old states' buffers;
    finish: (states, tasks) -> (params, metrics, views).
    """

    init: Callable[..., Any]
    advance: Callable[..., Any]
    finish: Callable[..., Any]


def make_stream(
    score: Score,
    view: Callable[[Params], Array],
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
        score: what to measure; `of_loss`, if there is one, gives all the metrics of `full`.
        view: params -> what else to keep of a fit.
        slots: fits side by side; rounded up to what a mesh's devices share equally.
        steps_per_dispatch: steps that the device takes before Python is asked again.
        mesh: of this process' devices to divide the slots over; None: one device.
    """
    devices = 1 if mesh is None else mesh.shape[TASK]
    slots = -(-slots // devices) * devices
    make_programs = functools.cache(
        lambda make_inner, optimizer: _compiled(
            make_inner, optimizer, score, view, steps_per_dispatch, mesh
        )
    )

    def dispatch(contender, block, key):
        optimizer, rate = contender.hyper
        programs = make_programs(contender.make_inner, optimizer)
        padded = block + [block[-1]._replace(num_steps=0)] * (slots - len(block))
        tasks = jax.device_put(_stacked(request.task for request in padded))
        numbers = np.array([request.number for request in padded], np.uint32)
        counts = np.array([request.num_steps for request in padded])
        states = programs.init((contender.meta_params, rate), numbers)
        tables = []
        for begin in range(0, counts.max(), steps_per_dispatch):
            jax.block_until_ready(tables[-1:])  # Ctrl-C is answered between two dispatches
            now = np.clip(counts - begin, 0, steps_per_dispatch)
            states, table = programs.advance((key, rate), states, tasks, numbers, now)
            tables.append(table)
        return tables, programs.finish(states, tasks)

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


def _fit(request, seconds, tables, finished):
    params, last, view = finished
    metrics = {}
    for name, final in last.items():
        rows = itertools.chain.from_iterable(table[name] for table in tables)
        metrics[name] = np.stack([*itertools.islice(rows, request.num_steps), final])
    return Fit(metrics, params, view, seconds)


def _compiled(make_inner, optimizer, score, view, steps_per_dispatch, mesh):
    def init(shared, number):
        meta_params, rate = shared
        return make_inner(Hyper(optimizer, rate)).init(meta_params)

    def advance(shared, state, task, number, count):
        key, rate = shared
        inner = make_inner(Hyper(optimizer, rate))
        key = jax.random.fold_in(key, number)

        def measured_step(state):
            params = inner.params(state)
            state, info = inner.step(state, task.support, key)
            full = score.of_loss is None
            return state, score.full(params, task) if full else score.of_loss(info["loss"])

        def body(i, carry):
            state, table = carry
            state, metrics = measured_step(state)
            return state, jax.tree.map(lambda rows, x: rows.at[i].set(x), table, metrics)

        _, shapes = jax.eval_shape(measured_step, state)
        empty = jax.tree.map(
            lambda x: jnp.zeros((steps_per_dispatch, *x.shape), x.dtype), dict(shapes)
        )
        return lax.fori_loop(0, count, body, (state, empty))

    def finish(state, task):
        params = make_inner(Hyper(optimizer, 0.0)).params(state)
        return params, score.full(params, task), view(params)

    return _Programs(
        jax.jit(spread_tasks(init, mesh, num_shared=1)),
        jax.jit(spread_tasks(advance, mesh, num_shared=1), donate_argnums=1),
        jax.jit(spread_tasks(finish, mesh)),
    )


def _stacked(trees):
    return jax.tree.map(lambda *x: np.stack(x), *trees)

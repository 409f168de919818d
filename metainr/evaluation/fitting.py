"""Fits of a list of signals from one init, measured after listed numbers of steps."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from metainr.devices import all_shares, own_share
from metainr.evaluation.blocks import Engine, make_engine, shared_slots
from metainr.evaluation.courses import Course, Watch, from_bytes, name_of, to_bytes
from metainr.types import Array, Contender, Key, Params, Signal, Task

SLOTS = 8
"""Signals fitted side by side."""

_FIRST_PIECE = 8  # steps, before it is known how long they take
_PIECE_SECONDS = 30.0

Evaluate = Callable[..., "Fits"]


class Score(NamedTuple):
    """What is measured of a fit.

    full: (params, signal) -> metrics by name, at full length after the last step;
    of_loss: the loss -> those metrics that it gives for free, at every step before; None if it says
        nothing, as when steps see a random subset: then `full` is computed there too.
    finish: (what `full` gave as NumPy arrays, signal) -> metrics, numbers all, for what cannot be
        compiled; None: `full` gives numbers. `make_evaluate` alone asks for it.
    """

    full: Callable[[Params, Signal], Mapping[str, Array]]
    of_loss: Callable[[Array], Mapping[str, Array]] | None
    finish: Callable[[Mapping[str, np.ndarray], Any], Mapping[str, float]] | None = None


class Fits(NamedTuple):
    """What became of the signals.

    metrics: [signals, steps] by name, NaN where not computed.
    views: [views, steps, ...] of the first signals.
    params: the weights of these after the last step, [views, ...]; None without views.
    """

    metrics: dict[str, np.ndarray]
    views: np.ndarray
    params: Params | None = None


class _Job(NamedTuple):
    """How a block is fitted: `signals` are those in its slots, of which the first are shown."""

    engine: Engine
    score: Score
    steps: Sequence[int]
    signals: Sequence[Any]
    num_views: int
    watch: Watch | None


def make_evaluate(
    make_task: Callable[[Signal, Key], Task],
    score: Score,
    view: Callable[[Params, Signal], Array],
    mesh: Mesh | None = None,
) -> Evaluate:
    """Builds `evaluate(contender, signals, steps, key, num_views=0, watch=None) -> Fits`.

    It fits every one of a sequence of signals by a contender, measures it at the listed, increasing
    step counts, and keeps views of the first `num_views` signals. A fit depends on its signal, its
    place in the sequence, the contender and the key alone. Calls of as many signals, or of more
    than a block holds, share their compiled programs. Of several processes each reads and fits its
    own signals, and all get all results. A `watch` (see `metainr.evaluation.courses`) hears of
    the steps taken, and keeps fits that take longer than half a minute, so that the same call goes
    on with them.

    Args:
        make_task: gives each signal's support.
        score: what to measure.
        view: (params, signal) -> what to keep for pictures.
        mesh: of this process' devices to divide the fits over; None: one device.
    """
    engine = make_engine(
        lambda signal, key: make_task(signal, key).support,
        {"metrics": score.full, "view": view, "params": lambda params, signal: params},
        lambda params, signal, loss: {} if score.of_loss is None else score.of_loss(loss),
        mesh=mesh,
    )

    def evaluate(contender: Contender, signals, steps, key, num_views=0, watch=None):
        num_signals, num_views = len(signals), min(num_views, len(signals))
        own = own_share(num_signals)
        own_views = len(own_share(num_views)) if num_views else 0
        slots = shared_slots(min(SLOTS, len(own)), mesh)
        found = []
        for begin in range(0, len(own), slots):
            numbers = own[begin : begin + slots]
            shown = int(np.clip(own_views - begin, 0, len(numbers)))
            job = _Job(engine, score, steps, [signals[i] for i in numbers], shown, watch)
            block = engine.begin(contender, job.signals, numbers, key, slots)
            found.append(_fits(job, Course(block, 0, {}, [])))
        metrics = {
            name: all_shares(np.concatenate([fits.metrics[name] for fits in found]), num_signals)
            for name in found[0].metrics
        }
        if not num_views:
            return Fits(metrics, np.empty((0, len(steps))))
        seen = [(fits.views, fits.params) for fits in found if fits.params is not None]
        views, params = jax.tree.map(
            lambda *parts: all_shares(np.concatenate(parts), num_views), *seen
        )
        return Fits(metrics, views, params)

    return evaluate


def _fits(job, course):
    """The fits of a block, from wherever their course was saved."""
    name = _name(job, course.block)
    if job.watch is not None:
        course = from_bytes(job.watch.load(name), course)
        job.watch.advanced(len(job.signals) * course.taken)
    for column, step in enumerate(job.steps):
        course = _advanced(job, course, step, name)
        if column == len(course.views):  # else it was measured before the fits were stopped
            _measure(job, course, column)
    columns = [course.metrics[column] for column in range(len(job.steps))]
    if not job.num_views:
        return Fits(_by_name(columns), np.empty(0))
    params = job.engine.look(course.block, ("params",))["params"]
    params = jax.tree.map(lambda x: np.asarray(x)[: job.num_views], params)
    return Fits(_by_name(columns), np.stack(course.views, axis=1), params)


def _name(job, block):
    if job.watch is None:
        return ""
    contender, data = block.contender, (job.signals, jax.random.key_data(block.keys))
    start = contender.meta_params, *contender.hyper
    return name_of(job.watch.about, start, data, job.steps, job.num_views)


def _advanced(job, course, step, name):
    """Takes the steps up to one; with a watch in pieces, between which the course is saved."""
    piece = step if job.watch is None else _FIRST_PIECE
    while course.taken < step:
        began, num = time.perf_counter(), len(job.signals)
        count = min(piece, step - course.taken)
        block, records = job.engine.advance(course.block, [count] * num)
        if records and course.taken in job.steps:
            metrics = {name: np.asarray(rows)[:num, 0] for name, rows in records.items()}
            course.metrics[job.steps.index(course.taken)] = metrics
        course = course._replace(block=block, taken=course.taken + count)
        if job.watch is not None:
            jax.block_until_ready(block.states)
            job.watch.advanced(num * count)
            seconds = time.perf_counter() - began
            piece = max(1, int(count * min(4.0, _PIECE_SECONDS / max(seconds, 1e-3))))
            if seconds > _PIECE_SECONDS / 4:
                job.watch.save(name, to_bytes(course))
    return course


def _measure(job, course, column):
    """Adds what is computed of a listed step to the course."""
    if job.score.of_loss is None or column == len(job.steps) - 1:
        course.metrics[column] = _metrics(job, course.block)
    view = np.empty(0)
    if job.num_views:
        view = np.asarray(job.engine.look(course.block, ("view",))["view"])[: job.num_views]
    course.views.append(view)


def _metrics(job, block):
    """Metrics [signals] by name."""
    measured = job.engine.look(block, ("metrics",))["metrics"]
    measured = {name: np.asarray(x)[: len(job.signals)] for name, x in measured.items()}
    if job.score.finish is None:
        return measured
    rows = [
        job.score.finish({name: x[i] for name, x in measured.items()}, signal)
        for i, signal in enumerate(job.signals)
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _by_name(measured):
    """Turns metrics [signals] per step into [signals, steps] per name."""
    absent = np.full(len(next(iter(measured[0].values()))), np.nan)
    names = sorted(set().union(*measured))
    return {n: np.stack([metrics.get(n, absent) for metrics in measured], axis=1) for n in names}

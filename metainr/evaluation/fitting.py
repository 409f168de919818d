"""Test-time fits of many signals from one init, in blocks, one compiled program per optimizer."""

import functools
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from metainr.devices import TASK, all_shares, own_share, spread_tasks
from metainr.evaluation.courses import Course, from_bytes, name_of, to_bytes
from metainr.types import Array, Contender, Hyper, Inner, Key, MetaParams, Params, Task

_FIRST_PIECE = 8  # steps, before it is known how long they take
_PIECE_SECONDS = 30.0
_SLOTS = 8  # signals fitted side by side; memory grows with it, not with their number


class Fitter(NamedTuple):
    """The compiled steps of one loop and inner optimizer, the learning rate being an input.

    init: (meta_params, learning_rate, num) -> states, a stack of `num` equal ones;
    advance: (states, learning_rate, supports, keys, num_steps) -> (states, losses [num] before the
        first of these steps); takes over the old states' buffers;
    params: states -> the stacked weights as they stand.
    """

    init: Callable[[MetaParams, float, int], Any]
    advance: Callable[..., tuple[Any, Array]]
    params: Callable[[Any], Params]


Evaluate = Callable[..., "Fits"]


class Score(NamedTuple):
    """What is measured of a fit.

    full: (params, signal) -> metrics by name, at full length after the last step;
    of_loss: the loss -> those metrics that it gives for free, at every listed step before; None if
        it says nothing, as when steps see a random subset: then `full` is computed there too.
    finish: (what `full` gave as NumPy arrays, signal) -> metrics, numbers all, for what cannot be
        compiled; None: `full` gives numbers. `make_evaluate` alone asks for it.
    """

    full: Callable[[Params, Any], Mapping[str, Array]]
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


def make_fitter(
    make_inner: Callable[[Hyper], Inner], optimizer: str, mesh: Mesh | None = None
) -> Fitter:
    """Compiles the steps of a loop with an optimizer, once for all rates and step counts.

    `mesh`: of the devices to divide the fits over; the length of its task axis divides `num`.
    """

    def init(meta_params, learning_rate, num):
        state = make_inner(Hyper(optimizer, learning_rate)).init(meta_params)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (num, *x.shape)), state)

    def fit(learning_rate, num_steps, state, support, key):
        inner = make_inner(Hyper(optimizer, learning_rate))

        def body(i, carry):
            state, first_loss = carry
            state, info = inner.step(state, support, key)
            return state, jnp.where(i == 0, info["loss"], first_loss)

        loss = jax.eval_shape(lambda: inner.step(state, support, key)[1]["loss"])
        return lax.fori_loop(0, num_steps, body, (state, jnp.zeros((), loss.dtype)))

    spread = spread_tasks(fit, mesh, num_shared=2)

    def advance(states, learning_rate, supports, keys, num_steps):
        return spread(learning_rate, num_steps, states, supports, keys)

    return Fitter(
        jax.jit(init, static_argnums=2),
        jax.jit(advance, donate_argnums=0),
        jax.jit(jax.vmap(lambda state: make_inner(Hyper(optimizer, 0.0)).params(state))),
    )


def make_evaluate(
    make_task: Callable[[Any, Key], Task],
    score: Score,
    view: Callable[[Params, Any], Array],
    mesh: Mesh | None = None,
) -> Evaluate:
    """Builds `evaluate(contender, signals, steps, key, num_views=0, watch=None) -> Fits`.

    It fits every one of a sequence of signals by a contender, measures it at the listed, increasing
    step counts, and keeps views of the first `num_views` signals. Each signal has a key
    of its own, so that results do not depend on the blocks. Calls of as many signals, or of more
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
    make_fitter_once = functools.cache(partial(make_fitter, mesh=mesh))
    full = jax.jit(spread_tasks(score.full, mesh))
    look = jax.jit(spread_tasks(view, mesh))
    make_supports = jax.jit(spread_tasks(lambda s, k: make_task(s, k).support, mesh))
    devices = 1 if mesh is None else mesh.shape[TASK]

    def advance_to(step, course, fitter, shared, watch, name, kept):
        """Takes the steps up to one, in pieces between which the course is saved."""
        rate, supports, keys = shared
        piece = step if watch is None else _FIRST_PIECE
        while course.taken < step:
            began = time.perf_counter()
            count = min(piece, step - course.taken)
            states, losses = fitter.advance(course.states, rate, supports, keys, count)
            if not len(course.losses):
                course = course._replace(losses=np.asarray(losses))
            course = course._replace(states=states, taken=course.taken + count)
            if watch is not None:
                jax.block_until_ready(states)
                watch.advanced(kept * count)
                seconds = time.perf_counter() - began
                piece = max(1, int(count * min(4.0, _PIECE_SECONDS / max(seconds, 1e-3))))
                if seconds > _PIECE_SECONDS / 4:
                    watch.save(name, to_bytes(course))
        return course

    def measure(params, block, kept):
        measured = {name: np.asarray(x)[:kept] for name, x in full(params, block).items()}
        if score.finish is None:
            return measured
        rows = [jax.tree.map(lambda x, i=i: x[i], (measured, block)) for i in range(kept)]
        numbers = [score.finish(*row) for row in rows]
        return {name: np.array([row[name] for row in numbers]) for name in numbers[0]}

    def evaluate(contender: Contender, signals, steps, key, num_views=0, watch=None):
        optimizer, rate = contender.hyper
        fitter = make_fitter_once(contender.make_inner, optimizer)
        keys = jax.random.split(key, len(signals))
        own = own_share(len(signals))
        slots = -(-min(_SLOTS, len(own)) // devices) * devices  # equal on all devices
        num_views = min(num_views, len(signals))
        own_views = len(own_share(num_views)) if num_views else 0

        def fit_block(begin):
            rows = own[np.minimum(np.arange(begin, begin + slots), len(own) - 1)]  # padded
            block = jax.tree.map(lambda *x: np.stack(x), *(signals[row] for row in rows))
            shared = rate, make_supports(block, keys[rows]), keys[rows]
            kept = len(own[begin : begin + slots])
            shown = max(0, min(own_views, len(own)) - begin)
            states = fitter.init(contender.meta_params, rate, slots)
            course, name = Course(states, 0, np.empty(0), {}, []), ""
            if watch is not None:
                key_data = jax.random.key_data(keys[rows])
                name = name_of(
                    watch.about,
                    contender.meta_params,
                    optimizer,
                    rate,
                    block,
                    key_data,
                    steps,
                    shown,
                )
                course = from_bytes(watch.load(name), course)
                watch.advanced(kept * course.taken)
            for column, step in enumerate(steps):
                course = advance_to(step, course, fitter, shared, watch, name, kept)
                if column < len(course.views):
                    continue  # measured before the fits were stopped
                if score.of_loss is not None and column:
                    metrics = score.of_loss(course.losses)
                    course.metrics[column - 1] = {
                        n: np.asarray(x)[:kept] for n, x in metrics.items()
                    }
                params = fitter.params(course.states)
                course.views.append(
                    np.asarray(look(params, block))[:shown] if shown else np.empty(0)
                )
                if score.of_loss is None or step == steps[-1]:
                    course.metrics[column] = measure(params, block, kept)
                course = course._replace(losses=np.empty(0))
            shown_params = jax.tree.map(lambda x: np.asarray(x)[:shown], params) if shown else None
            columns = [course.metrics[column] for column in range(len(steps))]
            return (
                _by_name(columns),
                np.stack(course.views, axis=1) if shown else None,
                shown_params,
            )

        blocks, views, params = zip(*map(fit_block, range(0, len(own), slots)))
        views = [view for view in views if view is not None]
        params = [block for block in params if block is not None]
        metrics = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        metrics = {name: all_shares(values, len(signals)) for name, values in metrics.items()}
        if not views:
            return Fits(metrics, np.empty((0, len(steps))))
        return Fits(
            metrics,
            all_shares(np.concatenate(views), num_views),
            jax.tree.map(lambda *x: all_shares(np.concatenate(x), num_views), *params),
        )

    return evaluate


def _by_name(measured):
    """Turns metrics [signals] per step into [signals, steps] per name."""
    absent = np.full(len(next(iter(measured[0].values()))), np.nan)
    names = sorted(set().union(*measured))
    return {n: np.stack([metrics.get(n, absent) for metrics in measured], axis=1) for n in names}

"""Test-time fits of many signals from one init, in blocks, one compiled program per optimizer."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from metainr.devices import TASK, all_shares, own_share, spread_tasks
from metainr.types import Array, Inner, Key, MetaParams, Params, Task

_SLOTS = 8  # signals fitted side by side; memory grows with it, not with their number


class Contender(NamedTuple):
    """An init with the inner loop that it is tested with."""

    meta_params: MetaParams
    optimizer: str
    learning_rate: float


class Fitter(NamedTuple):
    """The compiled steps of one inner optimizer, the learning rate being an input.

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
    """

    full: Callable[[Params, Any], Mapping[str, Array]]
    of_loss: Callable[[Array], Mapping[str, Array]] | None


class Fits(NamedTuple):
    """Metrics [signals, steps] by name, NaN where not computed, and views [views, steps, ...]."""

    metrics: dict[str, np.ndarray]
    views: np.ndarray


def make_fitter(make_inner: Callable[[Any], Inner], mesh: Mesh | None = None) -> Fitter:
    """Compiles the steps of `make_inner(learning_rate)`, once for all rates and step counts.

    `mesh`: of the devices to divide the fits over; the length of its task axis divides `num`.
    """

    def init(meta_params, learning_rate, num):
        state = make_inner(learning_rate).init(meta_params)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (num, *x.shape)), state)

    def fit(learning_rate, num_steps, state, support, key):
        inner = make_inner(learning_rate)

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
        lambda states: make_inner(0.0).params(states),
    )


def make_evaluate(
    make_inner: Callable[[str], Callable[[Any], Inner]],
    make_task: Callable[[Any, Key], Task],
    score: Score,
    view: Callable[[Params, Any], Array],
    mesh: Mesh | None = None,
) -> Evaluate:
    """Builds `evaluate(contender, signals, steps, key, num_views=0) -> Fits`.

    It fits every one of a sequence of signals from the contender's init, measures it at the listed,
    increasing step counts, and keeps views of the first `num_views` signals. Each signal has a key
    of its own, so that results do not depend on the blocks. Calls of as many signals, or of more
    than a block holds, share their compiled programs. Of several processes each reads and fits its
    own signals, and all get all results.

    Args:
        make_inner: optimizer name -> (learning rate -> inner loop).
        make_task: gives each signal's support.
        score: what to measure.
        view: (params, signal) -> what to keep for pictures.
        mesh: of this process' devices to divide the fits over; None: one device.
    """
    make_fitter_once = functools.cache(lambda optimizer: make_fitter(make_inner(optimizer), mesh))
    full = jax.jit(spread_tasks(score.full, mesh))
    look = jax.jit(spread_tasks(view, mesh))
    make_supports = jax.jit(spread_tasks(lambda s, k: make_task(s, k).support, mesh))
    devices = 1 if mesh is None else mesh.shape[TASK]

    def evaluate(contender, signals, steps, key, num_views=0):
        fitter = make_fitter_once(contender.optimizer)
        rate = contender.learning_rate
        keys = jax.random.split(key, len(signals))
        own = own_share(len(signals))
        slots = -(-min(_SLOTS, len(own)) // devices) * devices  # equal on all devices
        num_views = min(num_views, len(signals))
        own_views = len(own_share(num_views)) if num_views else 0

        def fit_block(begin):
            rows = own[np.minimum(np.arange(begin, begin + slots), len(own) - 1)]  # padded
            block = jax.tree.map(lambda *x: np.stack(x), *(signals[row] for row in rows))
            supports = make_supports(block, keys[rows])
            states = fitter.init(contender.meta_params, rate, slots)
            if steps[0]:
                states, _ = fitter.advance(states, rate, supports, keys[rows], steps[0])
            kept = len(own[begin : begin + slots])
            shown = max(0, min(own_views, len(own)) - begin)
            measured, seen = [], []
            for step, following in zip(steps, [*steps[1:], None]):
                params = fitter.params(states)
                if shown:
                    seen.append(np.asarray(look(params, block))[:shown])
                if following is None or score.of_loss is None:
                    metrics = full(params, block)
                if following is not None:
                    count = following - step
                    states, losses = fitter.advance(states, rate, supports, keys[rows], count)
                    if score.of_loss is not None:
                        metrics = score.of_loss(losses)
                measured.append({name: np.asarray(x)[:kept] for name, x in metrics.items()})
            return _by_name(measured), np.stack(seen, axis=1) if shown else None

        blocks, views = zip(*map(fit_block, range(0, len(own), slots)))
        views = [view for view in views if view is not None]
        metrics = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        return Fits(
            {name: all_shares(values, len(signals)) for name, values in metrics.items()},
            all_shares(np.concatenate(views), num_views) if views else np.empty((0, len(steps))),
        )

    return evaluate


def _by_name(measured):
    """Turns metrics [signals] per step into [signals, steps] per name."""
    absent = np.full(len(next(iter(measured[0].values()))), np.nan)
    names = sorted(set().union(*measured))
    return {n: np.stack([metrics.get(n, absent) for metrics in measured], axis=1) for n in names}

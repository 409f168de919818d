"""The weights of the training signal that is nearest: what memory alone can do."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from metainr.algorithms.first_step import with_first_cost, with_first_step
from metainr.algorithms.inner import gradient_inner
from metainr.checks import Range
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Params, Parts, Work


class NearestOptions(NamedTuple):
    """What is kept.

    signals: training signals, the first ones, each fitted by weights of its own
    """

    signals: Annotated[int, Range(1, 10_000)] = 16


class NearestParams(NamedTuple):
    """Weights of one field for every signal: each leaf has them as its leading axis."""

    fits: Params


def nearest(parts: Parts, options: NearestOptions) -> Algorithm:
    """Fits θ_i to training signal i, each by the outer optimizer, from one random init.

    The first step of a test-time fit takes the θ_i of the lowest loss in place of a gradient step;
    before it stands the mean of all. The steps that follow adapt all weights.
    """
    gradient = parts.gradient(adapted_alone)

    def init(key):
        params = parts.init(key)
        return NearestParams(
            jax.tree.map(lambda x: jnp.tile(x, (options.signals, *[1] * x.ndim)), params)
        )

    def meta_gradient(meta_params, task, key):
        params = jax.tree.map(lambda x: x[task.number], meta_params.fits)
        loss, slope = parts.query(params, task.query, key, 0)
        zeros = jax.tree.map(jnp.zeros_like, meta_params.fits)
        slopes = jax.tree.map(lambda rows, g: rows.at[task.number].set(g), zeros, slope)
        return NearestParams(slopes), {"loss_before": loss, "loss_after": loss}

    def start(meta_params):
        return jax.tree.map(lambda x: x.mean(0), meta_params.fits), meta_params.fits

    def choose(state, support, key):
        def loss_of(params):
            return gradient(params, (), support, key, 0)[0]

        best = jnp.argmin(lax.map(loss_of, state.held))
        return loss_of(state.adapted), jax.tree.map(lambda x: x[best], state.held)

    def make_inner(hyper):
        plain = gradient_inner(gradient, lambda held: parts.optimizer(hyper), start)
        return with_first_step(plain, choose)

    cost = with_first_cost(options.signals + 1)
    return Algorithm(init, meta_gradient, Work(0, 0, 1), make_inner, fit_gradients=cost)

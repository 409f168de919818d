"""The steps that learn a part."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from metainr.algorithms.optimizers import make_optimizer
from metainr.numerics import Summation, objective_gradient
from metainr.streams.division import Division, predictor
from metainr.streams.information import weighted
from metainr.types import Array, Field, Hyper, Key, Observations, Params


class Steps(NamedTuple):
    """How each part is learned.

    hyper: optimizer and rate.
    num: steps a part.
    fisher: λ of `metainr.streams.information.weighted`; 0: all observations weigh the same.
    pull: strength with which elastic weight consolidation holds weights; others do not read it.
    """

    hyper: Hyper
    num: Array | int
    fisher: float = 0.0
    pull: Array | float = 0.0


def start_optimizer(params: Params, how: Steps) -> optax.OptState:
    """The optimizer's state before the first step."""
    return _optimizer(how).init(params)


def descend(
    field: Field,
    division: Division,
    params: Params,
    opt_state: optax.OptState,
    rows: Observations,
    key: Key,
    how: Steps,
    pulled: Callable[[Params], Params] = lambda params: params,
    summation: Summation | None = None,
) -> tuple[Params, optax.OptState]:
    """θ ← pulled(θ + update(∇L(θ))), L the weighted mean squared error of what a step draws of the
    rows.

    Without weighting and pull these are the steps of any other fit: `metainr.algorithms.adapt`.
    """
    gradient = objective_gradient((division.term,), field.apply, summation)
    optimizer = _optimizer(how)
    rows = weighted(predictor(field, division, summation), params, rows, how.fisher)

    def step(number, carry):
        params, opt_state = carry
        _, slope = gradient(params, rows, jax.random.fold_in(key, number), number)
        updates, opt_state = optimizer.update(slope, opt_state, params)
        return pulled(optax.apply_updates(params, updates)), opt_state

    return lax.fori_loop(0, how.num, step, (params, opt_state))


def observed(coords: Array, values: Array) -> Observations:
    """Values [n, c] at coords [n, d], which all weigh the same."""
    return Observations(jnp.asarray(coords), values, jnp.ones(len(values)))


def _optimizer(how):
    return make_optimizer(how.hyper.optimizer)(how.hyper.learning_rate)

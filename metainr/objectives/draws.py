"""Draws of observations at points that all signals of a class share, such as a pixel grid."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Observations, Params


class Samples(NamedTuple):
    """A task's raw data at shared points: values [n, c] and weights [n] ≥ 0 (0: not seen)."""

    values: Array
    weights: Array


def all_points(coords: Array) -> Draw:
    """Draws every observation. `coords` [n, d] are the points of every task's `Samples`."""

    def draw(params, samples, key, step):
        return Observations(coords, samples.values, samples.weights)

    return draw


def random_points(coords: Array, num_points: int) -> Draw:
    """Draws `num_points` different observations, each as likely as its weight says.

    `coords` [n, d] are the points of every task's `Samples`. Weights act through the sampling
    alone: where fewer than `num_points` weigh more than 0, the rest are padding.
    """

    def draw(params, samples, key, step):
        total = samples.weights.sum()
        chosen = jax.random.choice(
            key, len(coords), (num_points,), replace=False, p=samples.weights / total
        )
        weights = (samples.weights[chosen] > 0).astype(samples.weights.dtype)
        return Observations(jnp.asarray(coords)[chosen], samples.values[chosen], weights)

    return draw


def output_of(
    apply: Callable[[Params, Array], Array],
    num_points: int,
    dim: int,
    low: float = 0.0,
    high: float = 1.0,
) -> Draw:
    """Draws what a field says at uniform points of [low, high]^dim; its params are the support.

    A field fitted to these observations comes to match the other one's output.
    """

    def draw(params, other_params, key, step):
        coords = jax.random.uniform(key, (num_points, dim), minval=low, maxval=high)
        return Observations(coords, apply(other_params, coords), jnp.ones(num_points))

    return draw

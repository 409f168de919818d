"""Fisher information of what is observed of a field with noise of variance 1.

For such noise it is a sum of squared derivatives of the predictions, whatever was observed. What
predicts is (params, inputs [n, ...]) -> [n, c]: a field at coordinates, or what is measured of it.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from metainr.numerics import map_over_chunks, sum_over_chunks
from metainr.streams.division import Predict
from metainr.types import Array, Observations, Params

_CHUNK = 16  # points; each has a derivative in every weight and channel


def point_information(predict: Predict, params: Params, inputs: Any) -> Array:
    """F_i = Σ_c ‖∂f_c(x_i)/∂θ‖² at inputs [n, ...]: [n]."""

    def of_chunk(chunk):
        squares = jax.tree.leaves(_squares(predict, params, chunk))
        return sum(leaf.reshape(len(leaf), -1).sum(1) for leaf in squares)

    return map_over_chunks(of_chunk, jax.tree.map(jnp.asarray, inputs), _CHUNK)


def weight_information(predict: Predict, params: Params, inputs: Any) -> Params:
    """F_k = 2/c · mean_i Σ_c (∂f_c(x_i)/∂θ_k)², a tree like the params.

    It is the diagonal of the Gauss-Newton matrix of the mean squared error at inputs [n, ...], mean
    over these and over the c channels.
    """
    inputs = jax.tree.map(jnp.asarray, inputs)
    shape = jax.eval_shape(partial(predict, params), inputs)
    count, channels = len(shape), shape.shape[-1]
    rows = Observations(inputs, jnp.ones(count), jnp.ones(count))

    def of_chunk(chunk):
        squares = _squares(predict, params, chunk.inputs)
        return jax.tree.map(lambda x: jnp.tensordot(chunk.weights, x, 1), squares)

    total = sum_over_chunks(of_chunk, rows, _CHUNK)
    return jax.tree.map(lambda x: 2 / (channels * count) * x, total)


def weighted(predict: Predict, params: Params, rows: Observations, strength: float) -> Observations:
    """The observations with weights w_i (1 + λ F_i / F̄), F̄ the mean of F by the weights w.

    λ = `strength` is static; with 0 the rows are as they are. F is taken at these params and is a
    constant of the loss.
    """
    if not strength:
        return rows
    information = point_information(predict, params, rows.inputs)
    mean = jnp.sum(rows.weights * information) / jnp.sum(rows.weights)
    factors = 1 + strength * information / mean
    return rows._replace(weights=rows.weights * jax.lax.stop_gradient(factors))


def _squares(predict, params, inputs):
    """Σ_c (∂f_c(x_i)/∂θ)²: a tree of [n, *leaf]."""

    def of_point(x):
        one = jax.tree.map(lambda leaf: leaf[None], x)
        slopes = jax.jacrev(lambda p: predict(p, one)[0])(params)
        return jax.tree.map(lambda slope: jnp.square(slope).sum(0), slopes)

    return jax.vmap(of_point)(inputs)

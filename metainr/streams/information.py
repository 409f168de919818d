"""Fisher information of a field whose values are observed with noise of variance 1.

For such noise it is a sum of squared derivatives of the field, whatever was observed.
"""

from functools import partial

import jax
import jax.numpy as jnp

from metainr.numerics import map_over_chunks, sum_over_chunks
from metainr.types import Apply, Array, Observations, Params

_CHUNK = 16  # points; each has a derivative in every weight and channel


def point_information(apply: Apply, params: Params, coords: Array) -> Array:
    """F_i = Σ_c ‖∂f_c(x_i)/∂θ‖² at coords [n, d]: [n]."""

    def of_chunk(chunk):
        squares = jax.tree.leaves(_squares(apply, params, chunk))
        return sum(leaf.reshape(len(chunk), -1).sum(1) for leaf in squares)

    return map_over_chunks(of_chunk, jnp.asarray(coords), _CHUNK)


def weight_information(apply: Apply, params: Params, coords: Array) -> Params:
    """F_k = 2/c · mean_i Σ_c (∂f_c(x_i)/∂θ_k)², a tree like the params.

    It is the diagonal of the Gauss-Newton matrix of the mean squared error at coords [n, d], mean
    over points and over the c channels.
    """
    coords = jnp.asarray(coords)
    channels = jax.eval_shape(partial(apply, params), coords).shape[-1]
    rows = Observations(coords, coords, jnp.ones(len(coords)))

    def of_chunk(chunk):
        squares = _squares(apply, params, chunk.inputs)
        return jax.tree.map(lambda x: jnp.tensordot(chunk.weights, x, 1), squares)

    total = sum_over_chunks(of_chunk, rows, _CHUNK)
    return jax.tree.map(lambda x: 2 / (channels * len(coords)) * x, total)


def weighted(apply: Apply, params: Params, rows: Observations, strength: float) -> Observations:
    """The observations with weights w_i (1 + λ F_i / F̄), F̄ the mean of F by the weights w.

    λ = `strength` is static; with 0 the rows are as they are. F is taken at these params and is a
    constant of the loss.
    """
    if not strength:
        return rows
    information = point_information(apply, params, rows.inputs)
    mean = jnp.sum(rows.weights * information) / jnp.sum(rows.weights)
    factors = 1 + strength * information / mean
    return rows._replace(weights=rows.weights * jax.lax.stop_gradient(factors))


def _squares(apply, params, coords):
    """Σ_c (∂f_c(x_i)/∂θ)²: a tree of [n, *leaf]."""

    def of_point(x):
        slopes = jax.jacrev(lambda p: apply(p, x[None])[0])(params)
        return jax.tree.map(lambda slope: jnp.square(slope).sum(0), slopes)

    return jax.vmap(of_point)(coords)

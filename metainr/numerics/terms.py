"""What a term of an objective adds to its loss, gradient and Hessian-vector product."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from metainr.errors import UserError
from metainr.numerics.chunks import map_over_chunks, sum_over_chunks
from metainr.numerics.shares import axis_size, gather_rows, share, share_rows
from metainr.types import Apply, Array, Observations, Params, Term


class Summation(NamedTuple):
    """How the sums over observations are taken; changes nothing but rounding.

    chunk_size: field evaluations at a time; None: all.
    axis_name: axis of a `shard_map`'s mesh over whose devices observations are divided, or None.
    plain_mode_points: a gradient that asks the field at no more points than this is differentiated
        by plain reverse mode, which need not compute activations again; there it is faster by up to
        a third, above it slower (benchmarks/RESULTS.md). Divided observations never are.
    """

    chunk_size: int | None = None
    axis_name: str | None = None
    plain_mode_points: int = 128


class TermSums(NamedTuple):
    """The derivatives of Σ_i w_i ℓ(M(f_θ, p_i), y_i), as this device's part of the sum.

    gradient: (params, rows) -> (loss, ∇loss);
    product: (params, direction v, rows) -> (∇loss, ∇²loss v), forward mode over reverse mode.
    """

    gradient: Callable[[Params, Observations], tuple[Array, Params]]
    product: Callable[[Params, Params, Observations], tuple[Params, Params]]


def term_sums(term: Term, apply: Apply, summation: Summation) -> TermSums:
    """The sums of one term for the field `apply(params, coords[..., d]) -> values[..., c]`."""
    return (_coupled if term.measurement.coupled else _separate)(term, apply, summation)


def _separate(term, apply, summation):
    """The loss is a sum over observations: so are all its derivatives."""

    def loss(params, rows):
        coords = term.measurement.points(rows.inputs)
        return _loss_of_features(features_of(params, term, apply, coords), term, rows)

    def total(function, rows):
        coords = jax.eval_shape(term.measurement.points, rows.inputs)
        size = rows_per_chunk(coords, summation)
        return sum_over_chunks(function, share(rows, summation.axis_name), size)

    def gradient(params, rows):
        return total(lambda chunk: jax.value_and_grad(loss)(params, chunk), rows)

    def product(params, direction, rows):
        return total(
            lambda chunk: jax.jvp(lambda p: jax.grad(loss)(p, chunk), (params,), (direction,)), rows
        )

    return TermSums(gradient, product)


def _coupled(term, apply, summation):
    """Each prediction reads all points: a first pass over their chunks keeps the features alone, a
    second one pulls their cotangents back to the weights.
    """
    axis_name = summation.axis_name

    def in_chunks(function, rows):
        # A grid is a constant: without the barrier XLA works out first layers while it compiles.
        coords = lax.optimization_barrier(term.measurement.points(rows.inputs))
        size = rows_per_chunk(coords, summation)
        own = map_over_chunks(function, share_rows(coords, axis_name), size)
        return gather_rows(own, len(coords), axis_name), coords, size

    def pull_back(params, cotangent, chunk):
        features, pullback = jax.vjp(lambda p: features_of(p, term, apply, chunk.inputs), params)
        seen = chunk.weights.reshape(-1, *[1] * (features.ndim - 1))
        return pullback(seen * cotangent)[0]

    def gradient(params, rows):
        features, coords, size = in_chunks(lambda x: features_of(params, term, apply, x), rows)
        loss, cotangent = jax.value_and_grad(_loss_of_features)(features, term, rows)
        points = share(Observations(coords, cotangent, jnp.ones(len(coords))), axis_name)
        slope = sum_over_chunks(lambda c: pull_back(params, c.targets, c), points, size)
        return loss / axis_size(axis_name), slope

    def product(params, direction, rows):
        (features, tangents), coords, size = in_chunks(
            lambda x: jax.jvp(lambda p: features_of(p, term, apply, x), (params,), (direction,)),
            rows,
        )
        cotangents = jax.jvp(
            lambda f: jax.grad(_loss_of_features)(f, term, rows), (features,), (tangents,)
        )
        seen = Observations(coords, cotangents[0], jnp.ones(len(coords)))
        points = share(seen._replace(targets=cotangents), axis_name)  # a pair: value and tangent
        return sum_over_chunks(
            lambda c: jax.jvp(
                lambda p, cotangent: pull_back(p, cotangent, c),
                (params, c.targets[0]),
                (direction, c.targets[1]),
            ),
            points,
            size,
        )

    return TermSums(gradient, product)


def features_of(params: Params, term: Term, apply: Apply, coords: Array) -> Array:
    """What a term's measurement reads of the field at coords [n, s, d]: [n, s, c]."""
    return term.measurement.local(lambda x: evaluate(apply, params, x), coords)


def evaluate(apply: Apply, params: Params, coords: Array) -> Array:
    """apply(params, coords) at coords [..., d], as one matrix of them."""
    # Products of more than two dimensions leave the fast path of XLA:CPU.
    if coords.ndim <= 2:
        return apply(params, coords)
    return apply(params, coords.reshape(-1, coords.shape[-1])).reshape(*coords.shape[:-1], -1)


def _loss_of_features(features, term, rows):
    losses = term.loss(term.measurement.pool(features, rows.inputs), rows.targets)
    if losses.shape != rows.weights.shape:
        raise UserError(
            f"a loss of shape {list(losses.shape)} for observations of weights "
            f"{list(rows.weights.shape)}; a term's loss gives one number for each observation"
        )
    return jnp.sum(rows.weights * losses)


def rows_per_chunk(coords: Array, summation: Summation) -> int | None:
    """Rows of `coords` [n, s, d] whose points are about as many as a chunk holds."""
    if summation.chunk_size is None:
        return None
    return max(1, summation.chunk_size // coords.shape[1])

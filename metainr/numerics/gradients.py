"""The engine's primitive: the gradient of an objective, itself cheaply differentiable."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from metainr.numerics.chunks import default_chunk_size
from metainr.numerics.shares import add_shares
from metainr.numerics.terms import Summation, term_sums
from metainr.types import Array, Key, Objective, Params, Support

Gradient = Callable[[Params, Support, Key, Array], tuple[Array, Params]]
"""`(params, support, key, step) -> (loss, ∇loss)`, differentiable once more in `params`."""


def objective_gradient(
    objective: Objective,
    apply: Callable[[Params, Array], Array],
    summation: Summation | None = None,
) -> Gradient:
    """Builds θ ↦ (L(θ), ∇L(θ)), L(θ) = Σ_t scale_t Σ_i w_i ℓ(M(f_θ, p_i), y_i) / Σ_i w_i.

    Observations are drawn inside and summed in chunks. Since the Hessian H is symmetric, the
    pullback of a cotangent v through ∇L is the product H v, taken as one forward-mode derivative of
    the gradient (mixed mode, as in MixFlow-MG, arXiv 2505.00793). A loop of such gradients thus
    keeps one set of weights per step and no activations. Gradients of few points are left to plain
    reverse mode (`Summation.plain_mode_points`). What a draw returns counts as constant;
    derivatives reach `params` only.

    Args:
        objective: the terms to sum.
        apply: `(params, coords[..., d]) -> values[..., c]`.
        summation: how the sums over observations are taken, which changes nothing but rounding;
            None: in chunks that suit the machine and the widest layer.
    """
    product = hessian_vector_product(objective, apply, summation)

    def first(params, support, key, step):
        how = summation or _automatic(params)
        drawn = _observe(objective, params, support, key, step)
        parts = [
            term_sums(term, apply, how).gradient(params, rows)
            for term, rows in zip(objective, drawn)
        ]
        return _total(parts, objective, drawn, how)

    @jax.custom_vjp
    def mixed_mode(params, support, key, step):
        return first(params, support, key, step)

    def forward(*arguments):
        # The draw is repeated in the backward pass: its arguments are smaller than its result.
        arguments = tuple(jax.tree.map(lambda x: x.value, argument) for argument in arguments)
        return first(*arguments), arguments

    def backward(arguments, cotangents):
        loss_cotangent, direction = cotangents
        slope, curved = product(*arguments, jax.tree.map(_instantiated, direction))
        if not isinstance(loss_cotangent, SymbolicZero):  # else XLA drops what makes the slope
            curved = jax.tree.map(lambda g, h: loss_cotangent * g + h, slope, curved)
        return curved, None, None, None

    mixed_mode.defvjp(forward, backward, symbolic_zeros=True)

    def gradient(params, support, key, step):
        how = summation or _automatic(params)
        num_points = _num_points(objective, params, support, key, step)
        # Plain reverse mode would add up a sum over devices once more.
        plain = how.axis_name is None and num_points <= how.plain_mode_points
        return (first if plain else mixed_mode)(params, support, key, step)

    return gradient


def hessian_vector_product(
    objective: Objective,
    apply: Callable[[Params, Array], Array],
    summation: Summation | None = None,
) -> Callable[[Params, Support, Key, Array, Params], tuple[Params, Params]]:
    """Builds (params, support, key, step, v) ↦ (∇L, ∇²L v) of the objective above at params.

    What `objective_gradient` uses for its pullback, for those who need the product itself, such as
    conjugate gradients. Arguments are those of `objective_gradient`.
    """

    def product(params, support, key, step, direction):
        how = summation or _automatic(params)
        drawn = _observe(objective, params, support, key, step)
        parts = [
            term_sums(term, apply, how).product(params, direction, rows)
            for term, rows in zip(objective, drawn)
        ]
        return _total(parts, objective, drawn, how)

    return product


def _automatic(params):
    widths = [leaf.shape[-1] for leaf in jax.tree.leaves(params) if leaf.ndim]
    return Summation(default_chunk_size(max(widths, default=1)))


def _observe(objective, params, support, key, step):
    """Draws every term's observations, as constants."""
    keys = jax.random.split(key, len(objective))
    drawn = [term.draw(params, support, k, step) for term, k in zip(objective, keys)]
    return lax.stop_gradient(drawn)


def _num_points(objective, *arguments):
    """How many points a step asks the field at."""

    def points():
        drawn = _observe(objective, *arguments)
        return [term.measurement.points(rows.inputs) for term, rows in zip(objective, drawn)]

    return sum(math.prod(coords.shape[:2]) for coords in jax.eval_shape(points))


def _total(parts, objective, drawn, summation):
    """Σ_t scale_t part_t / Σ_i w_i, of all devices."""
    factors = [term.scale / jnp.sum(rows.weights) for term, rows in zip(objective, drawn)]
    scaled = [jax.tree.map(lambda x, f=f: f * x, part) for f, part in zip(factors, parts)]
    return add_shares(jax.tree.map(lambda *x: sum(x), *scaled), summation.axis_name)


def _instantiated(cotangent):
    if isinstance(cotangent, SymbolicZero):
        return jnp.zeros(cotangent.shape, cotangent.dtype)
    return cotangent

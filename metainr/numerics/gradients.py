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
from metainr.types import (
    Adapted,
    Apply,
    Array,
    Held,
    Key,
    Objective,
    Observations,
    Params,
    Step,
    Support,
    Weights,
)

Gradient = Callable[[Params, Support, Key, Step], tuple[Array, Params]]
"""`(params, support, key, step) -> (loss, ∇loss)`, differentiable once more in `params`."""

InnerGradient = Callable[[Adapted, Held, Support, Key, Step], tuple[Array, Adapted]]
"""`(adapted, held, support, key, step) -> (loss, ∇loss in adapted)`, differentiable once more in
both `adapted` and `held`."""

InnerProduct = Callable[
    [Adapted, Held, Support, Key, Step, Adapted],
    tuple[tuple[Adapted, Held], tuple[Adapted, Held]],
]
"""`(adapted, held, support, key, step, v) -> (∇loss, ∇²loss (v, 0))`, pairs for both."""


def adapted_alone(adapted: Adapted, held: Held) -> Params:
    """The field's weights of a loop that adapts all of them: `adapted` itself."""
    return adapted


def objective_gradient(
    objective: Objective, apply: Apply, summation: Summation | None = None
) -> Gradient:
    """The gradient in all of a field's weights; arguments are those of `inner_gradient`."""
    gradient = inner_gradient(objective, apply, summation)
    return lambda params, support, key, step: gradient(params, (), support, key, step)


def inner_gradient(
    objective: Objective,
    apply: Apply,
    summation: Summation | None = None,
    weights: Weights = adapted_alone,
) -> InnerGradient:
    """Builds (a, h) ↦ (L(θ), ∂L/∂a), L(θ) = Σ_t scale_t Σ_i w_i ℓ(M(f_θ, p_i), y_i) / Σ_i w_i.

    Of θ = weights(a, h) an inner loop adapts a and holds h. Observations are drawn inside and
    summed in chunks. Since the Hessian H in (a, h) is symmetric, the pullback of a cotangent v
    through ∂L/∂a is the product H (v, 0), taken as one forward-mode derivative of the gradient
    (mixed mode, as in MixFlow-MG, arXiv 2505.00793). A loop of such gradients thus keeps what it
    adapts once per step, what it holds once in all, and no activations. Gradients of few points are
    left to plain reverse mode (`Summation.plain_mode_points`). What a draw returns counts as
    constant; derivatives reach `adapted` and `held` only.

    Args:
        objective: the terms to sum.
        apply: `(params, coords[..., d]) -> values[..., c]`.
        summation: how the sums over observations are taken, which changes nothing but rounding;
            None: in chunks that suit the machine and the widest layer.
        weights: (adapted, held) -> the field's weights.
    """
    product = inner_product(objective, apply, summation, weights)

    def first(adapted, held, support, key, step):
        params, pullback = jax.vjp(lambda a: weights(a, held), adapted)
        how = summation or automatic_summation(params)
        drawn = observe(objective, params, support, key, step)
        parts = [
            term_sums(term, apply, how).gradient(params, rows)
            for term, rows in zip(objective, drawn)
        ]
        loss, slope = _total(parts, objective, drawn, how)
        return loss, *pullback(slope)

    def forward(*arguments):
        # The draw is repeated in the backward pass: its arguments are smaller than its result.
        arguments = tuple(jax.tree.map(lambda x: x.value, argument) for argument in arguments)
        return first(*arguments), arguments

    def backward(arguments, cotangents):
        loss_cotangent, direction = cotangents
        adapted, held, support, key, step = arguments
        direction = jax.tree.map(_instantiated, direction)
        slope, curved = product(adapted, held, support, key, step, direction)
        if not isinstance(loss_cotangent, SymbolicZero):  # else XLA drops what makes the slope
            curved = jax.tree.map(lambda g, h: loss_cotangent * g + h, slope, curved)
        return *curved, None, None, None

    mixed_mode = jax.custom_vjp(first)
    mixed_mode.defvjp(forward, backward, symbolic_zeros=True)

    def gradient(adapted, held, support, key, step):
        params = jax.eval_shape(weights, adapted, held)
        how = summation or automatic_summation(params)
        # Plain reverse mode would add up a sum over devices once more.
        plain = how.axis_name is None and (
            num_points(objective, params, support, key, step) <= how.plain_mode_points
        )
        return (first if plain else mixed_mode)(adapted, held, support, key, step)

    return gradient


def hessian_vector_product(
    objective: Objective, apply: Apply, summation: Summation | None = None
) -> Callable[[Params, Support, Key, Step, Params], tuple[Params, Params]]:
    """Builds (params, support, key, step, v) ↦ (∇L, ∇²L v) in all of a field's weights."""
    product = inner_product(objective, apply, summation)

    def of_params(params, support, key, step, direction):
        (slope, _), (curved, _) = product(params, (), support, key, step, direction)
        return slope, curved

    return of_params


def inner_product(
    objective: Objective,
    apply: Apply,
    summation: Summation | None = None,
    weights: Weights = adapted_alone,
) -> InnerProduct:
    """Builds (a, h, support, key, step, v) ↦ (∇L, ∇²L (v, 0)) in (a, h), pairs both.

    What `inner_gradient` uses for its pullback, for those who need the product itself, such as
    conjugate gradients. Arguments are those of `inner_gradient`.
    """

    def product(adapted, held, support, key, step, direction):
        params, tangent = jax.jvp(lambda a: weights(a, held), (adapted,), (direction,))
        how = summation or automatic_summation(params)
        drawn = observe(objective, params, support, key, step)
        parts = [
            term_sums(term, apply, how).product(params, tangent, rows)
            for term, rows in zip(objective, drawn)
        ]
        slope, curved = _total(parts, objective, drawn, how)
        return jax.jvp(
            lambda a, slope: jax.vjp(weights, a, held)[1](slope),
            (adapted, slope),
            (direction, curved),
        )

    return product


def num_points(objective: Objective, params: Params, support: Support, key: Key, step: Step) -> int:
    """How many points a step asks the field at; shapes will do for what is no objective."""

    def points(*arguments):
        drawn = observe(objective, *arguments)
        return [term.measurement.points(rows.inputs) for term, rows in zip(objective, drawn)]

    shapes = jax.eval_shape(points, params, support, key, step)
    return sum(math.prod(coords.shape[:2]) for coords in shapes)


def automatic_summation(params: Params) -> Summation:
    """Sums in chunks that suit the machine and the widest layer."""
    widths = [leaf.shape[-1] for leaf in jax.tree.leaves(params) if leaf.ndim]
    return Summation(default_chunk_size(max(widths, default=1)))


def observe(
    objective: Objective, params: Params, support: Support, key: Key, step: Step
) -> list[Observations]:
    """Draws every term's observations, as constants."""
    keys = jax.random.split(key, len(objective))
    drawn = [term.draw(params, support, k, step) for term, k in zip(objective, keys)]
    return lax.stop_gradient(drawn)


def _total(parts, objective, drawn, summation):
    """Σ_t scale_t part_t / Σ_i w_i, of all devices."""
    factors = [term.scale / jnp.sum(rows.weights) for term, rows in zip(objective, drawn)]
    scaled = [jax.tree.map(lambda x, f=f: f * x, part) for f, part in zip(factors, parts)]
    return add_shares(jax.tree.map(lambda *x: sum(x), *scaled), summation.axis_name)


def _instantiated(cotangent):
    if isinstance(cotangent, SymbolicZero):
        # Its attributes are those of its shape, which its type does not tell.
        return jnp.zeros(cotangent.shape, cotangent.dtype)  # pyright: ignore[reportArgumentType]
    return cotangent

"""The engine's primitive: the gradient of an objective, itself cheaply differentiable."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from metainr.numerics.chunks import sum_over_chunks
from metainr.types import Array, Key, Objective, Params, Support

Gradient = Callable[[Params, Support, Key, Array], tuple[Array, Params]]
"""`(params, support, key, step) -> (loss, ∇loss)`, differentiable once more in `params`."""


def objective_gradient(
    objective: Objective,
    apply: Callable[[Params, Array], Array],
    chunk_size: int | None = None,
) -> Gradient:
    """Builds θ ↦ (L(θ), ∇L(θ)), L(θ) = Σ_t scale_t Σ_i w_i ℓ(M(f_θ, p_i), y_i) / Σ_i w_i.

    Observations are drawn inside and summed in chunks of `chunk_size` (None: all at once). Since
    the Hessian H is symmetric, the pullback of a cotangent v through ∇L is the product H v, taken
    as one forward-mode derivative of the gradient (mixed mode, as in MixFlow-MG, arXiv 2505.00793).
    A loop of such gradients thus keeps one set of weights per step and no activations. What a draw
    returns counts as constant; derivatives reach `params` only.

    Args:
        objective: the terms to sum.
        apply: `(params, coords[..., d]) -> values[..., c]`.
        chunk_size: observations evaluated at a time; changes nothing but rounding.
    """

    def observe(params, support, key, step):
        keys = jax.random.split(key, len(objective))
        drawn = [
            _normalised(term, term.draw(params, support, k, step))
            for term, k in zip(objective, keys)
        ]
        return jax.lax.stop_gradient(drawn)

    def sum_terms(function, drawn):
        sums = [
            sum_over_chunks(lambda chunk, term=term: function(term, chunk), rows, chunk_size)
            for term, rows in zip(objective, drawn)
        ]
        return jax.tree.map(lambda *parts: sum(parts), *sums)

    def term_loss(params, term, rows):
        measurement = term.measurement
        coords = measurement.points(rows.inputs)
        features = measurement.local(lambda x: apply(params, x), coords)
        losses = term.loss(measurement.pool(features, rows.inputs), rows.targets)
        return jnp.sum(rows.weights * losses)

    @jax.custom_vjp
    def gradient(params, support, key, step):
        return sum_terms(
            lambda term, rows: jax.value_and_grad(term_loss)(params, term, rows),
            observe(params, support, key, step),
        )

    def forward(params, support, key, step):
        # The draw is repeated in the backward pass: its arguments are smaller than its result.
        return gradient(params, support, key, step), (params, support, key, step)

    def backward(arguments, cotangents):
        params, support, key, step = arguments
        loss_cotangent, direction = cotangents
        slope, product = sum_terms(
            lambda term, rows: jax.jvp(
                lambda p: jax.grad(term_loss)(p, term, rows), (params,), (direction,)
            ),
            observe(params, support, key, step),
        )
        pulled = jax.tree.map(lambda g, h: loss_cotangent * g + h, slope, product)
        return pulled, None, None, None

    gradient.defvjp(forward, backward)
    return gradient


def _normalised(term, rows):
    return rows._replace(weights=term.scale * rows.weights / jnp.sum(rows.weights))

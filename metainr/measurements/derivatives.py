"""Derivatives of the field at points: what gradients, Laplacians and equations supervise.

Inputs are coordinates [n, d]; derivatives are with respect to them, in values per unit of length.
A field of c values has the Jacobian ∂_i f_k, here with coordinates first. Each row of the field's
values may depend on its own coordinates alone, as a coordinate network's do.

All can be differentiated in the weights, twice for a meta-gradient. A field must then be four times
differentiable under a Laplacian; of one that is linear in pieces, as ReLU makes it, second
derivatives are zero, and so is every gradient of their loss in the weights.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from metainr.errors import UserError
from metainr.numerics import forward_laplacian, unit_directions
from metainr.types import Array, Measurement

_Function = Callable[[Array], Array]


def gradient() -> Measurement:
    """Predictions ∂_i f_k [n, d·c], coordinates first: reshaped to [n, d, c] it is the Jacobian.

    Costs 1 + min(c, d) evaluations of the field: by forward mode along the coordinates, or, if the
    values are fewer than these, by reverse mode from the values.
    """
    return _at_points(lambda field, coords: _flat(_jacobian(field, coords)[1]))


def value_and_gradient() -> Measurement:
    """Predictions [n, c + d·c], values f_k before the gradient of `gradient`, for its price."""

    def local(field, coords):
        values, slopes = _jacobian(field, coords)
        return jnp.concatenate([values, _flat(slopes)], -1)

    return _at_points(local)


def divergence() -> Measurement:
    """Predictions Σ_i ∂_i f_i [n, 1] of a field with c = d. Costs 1 + d evaluations.

    Raises UserError, when it is used, for a field of another number of values.
    """

    def local(field, coords):
        d, c = coords.shape[-1], _num_values(field, coords)
        if c != d:
            raise UserError(
                f"a divergence needs as many values as coordinates, and the field has {c} at {d}: "
                f"give it out_dim={d}"
            )
        _, push = jax.linearize(field, coords)
        first, *others = (push(e)[..., i : i + 1] for i, e in enumerate(unit_directions(coords)))
        return sum(others, first)

    return _at_points(local)


def laplacian() -> Measurement:
    """Predictions Σ_i ∂_i² f_k [n, c]. Costs d + 2 evaluations, see `forward_laplacian`.

    >>> squares = lambda x: (x**2).sum(-1, keepdims=True)
    >>> metainr.measurements.laplacian().local(squares, jnp.zeros((1, 1, 2))).tolist()
    [[[4.0]]]
    """
    return _at_points(lambda field, coords: forward_laplacian(field, coords).laplacian)


def hessian() -> Measurement:
    """Predictions ∂_i ∂_j f_k [n, d, d, c]. Costs six evaluations where d = 2 and c ≤ 2."""

    def local(field, coords):
        slopes, push = jax.linearize(lambda x: _jacobian(field, x)[1], coords)
        # Entries on one side of the diagonal alone: compiled, the others are not computed.
        upper = [push(e)[: j + 1] for j, e in enumerate(unit_directions(coords))]
        d = range(len(slopes))
        rows = [jnp.stack([upper[max(i, j)][min(i, j)] for j in d], -2) for i in d]
        return jnp.stack(rows, -3)

    return _at_points(local)


def _at_points(local: Callable[[_Function, Array], Array]) -> Measurement:
    return Measurement(
        points=lambda coords: jnp.asarray(coords)[:, None, :],
        local=local,
        pool=lambda features, coords: features[:, 0],
    )


def _jacobian(field: _Function, coords: Array) -> tuple[Array, list[Array]]:
    """Values [..., c], and for each of the d coordinates their derivatives [..., c]."""
    if _num_values(field, coords) < coords.shape[-1]:
        values, pull = jax.vjp(field, coords)
        rows = jnp.stack([pull(e)[0] for e in unit_directions(values)], -1)
        return values, [rows[..., i, :] for i in range(coords.shape[-1])]
    values, push = jax.linearize(field, coords)
    return values, [push(e) for e in unit_directions(coords)]


def _num_values(field, coords):
    return jax.eval_shape(field, coords).shape[-1]


def _flat(slopes):
    return jnp.concatenate(slopes, -1)

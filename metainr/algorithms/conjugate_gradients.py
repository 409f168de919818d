"""Linear systems of symmetric matrices that are known by their products alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from metainr.types import Tree


def conjugate_gradients(
    product: Callable[[Tree], Tree], target: Tree, num_steps: int
) -> tuple[Tree, Tree]:
    """Solves A x = b by so many steps of conjugate gradients from x = 0: (x, b − A x).

    Of directions p with pᵀ A p ≤ 0, or once b is met, it stops where it is: steps beyond change
    nothing.

    Args:
        product: v -> A v of a symmetric A.
        target: b.
        num_steps: products that are taken.
    """

    def step(state, _):
        x, residual, direction, squared = state
        image = product(direction)
        curvature = jnp.asarray(optax.tree.vdot(direction, image))
        goes_on = (curvature > 0) & (squared > 0)
        size = jnp.where(goes_on, squared / jnp.where(goes_on, curvature, 1), 0)
        x = jax.tree.map(lambda a, b: a + size * b, x, direction)
        residual = jax.tree.map(lambda a, b: a - size * b, residual, image)
        after = optax.tree.vdot(residual, residual)
        turn = after / jnp.where(squared > 0, squared, 1)
        turned = jax.tree.map(lambda a, b: a + turn * b, residual, direction)
        direction = jax.tree.map(lambda a, b: jnp.where(goes_on, a, b), turned, direction)
        return (x, residual, direction, after), None

    first = (optax.tree.zeros_like(target), target, target, optax.tree.vdot(target, target))
    (x, residual, *_), _ = lax.scan(step, first, length=num_steps)
    return x, residual

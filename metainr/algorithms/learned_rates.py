"""Step sizes that are learned: positive factors of an inner optimizer's steps."""

import jax
import jax.numpy as jnp
import optax

from metainr.types import Adapted, Array, Tree


def log_factors(like: Adapted, num_steps: int, per_weight: bool) -> Tree:
    """Factors of 1 as their logarithms, 0: for every leaf [num_steps], or [num_steps, *its shape].

    Args:
        like: what is stepped.
        num_steps: that have factors of their own.
        per_weight: whether every weight has its own, or a leaf has one.
    """

    def zeros(leaf):
        return jnp.zeros((num_steps, *(leaf.shape if per_weight else ())), leaf.dtype)

    return jax.tree.map(zeros, like)


def with_factors(
    optimizer: optax.GradientTransformation, logs: Tree
) -> optax.GradientTransformation:
    """The optimizer whose step k is multiplied by exp(logs[k]), leaf by leaf.

    Steps beyond those of `logs` repeat the last. An exponential stays positive whatever is learned.
    """

    def update(updates, state, params=None):
        def scaled(x, log):
            row: Array = log[jnp.minimum(state, len(log) - 1)]
            return jnp.exp(row).reshape(row.shape + (1,) * (x.ndim - row.ndim)) * x

        return jax.tree.map(scaled, updates, logs), state + 1

    factors = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
    return optax.chain(optimizer, factors)

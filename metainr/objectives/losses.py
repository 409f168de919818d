"""Losses of single observations."""

import jax.numpy as jnp

from metainr.types import Array


def squared_error(predictions: Array, targets: Array) -> Array:
    """Mean over channels of (prediction − target)²: [n, c], [n, c] -> [n]."""
    return jnp.mean(jnp.square(predictions - targets), axis=-1)

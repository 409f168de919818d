"""Losses of single observations."""

import jax.numpy as jnp

from metainr.errors import UserError
from metainr.types import Array


def squared_error(predictions: Array, targets: Array) -> Array:
    """Mean over channels of (prediction − target)²: [n, c], [n, c] -> [n].

    Raises UserError if their shapes differ: [n, 1] and [n] would be broadcast to [n, n].

    >>> metainr.objectives.squared_error(jnp.array([[1.0, 3.0]]), jnp.zeros((1, 2))).tolist()
    [5.0]
    """
    if predictions.shape != targets.shape:
        raise UserError(
            f"predictions have shape {list(predictions.shape)} and targets {list(targets.shape)}; "
            "give targets of the shape that the measurement predicts"
        )
    return jnp.mean(jnp.square(predictions - targets), axis=-1)

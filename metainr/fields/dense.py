"""The linear layer that all fields share, and the way from a flax module to a `Field`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from metainr.types import Field


def dense(features: int, index: int, kernel_init: Callable) -> nn.Dense:
    """The linear layer `dense_<index>` at full float32 precision, with zero biases.

    Frequencies of hundreds of radians amplify the rounding of reduced-precision products, which
    some accelerators use by default.
    """
    return nn.Dense(
        features,
        kernel_init=kernel_init,
        precision=jax.lax.Precision.HIGHEST,
        name=f"dense_{index}",
    )


def from_module(module: nn.Module, in_dim: int) -> Field:
    """Wraps a flax module `coords[..., in_dim] -> values[..., c]`; params are its plain dict."""
    return Field(
        init=lambda key: module.init(key, jnp.zeros((1, in_dim)))["params"],
        apply=lambda params, coords: module.apply({"params": params}, coords),
    )

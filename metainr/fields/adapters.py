"""From networks of other libraries to a `Field`."""

import jax.numpy as jnp
from flax import linen as nn

from metainr.types import Field


def of_flax(module: nn.Module, in_dim: int) -> Field:
    """Wraps a flax module `coords[..., in_dim] -> values[..., c]`; params are its plain dict."""
    return Field(
        init=lambda key: module.init(key, jnp.zeros((1, in_dim)))["params"],
        apply=lambda params, coords: module.apply({"params": params}, coords),
    )

"""From networks of other libraries to a `Field`."""

import math
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from metainr.errors import UserError
from metainr.types import Array, Field, Key, Params

_MOST_WEIGHTS = 2**31


def of_flax(module: nn.Module, in_dim: int) -> Field:
    """Wraps a flax module `coords[..., in_dim] -> values[..., c]`; params are its plain dict.

    Raises UserError if it has more than 2³¹ weights.
    """

    def init(key: Key) -> Params:
        return module.init(key, jnp.zeros((1, in_dim)))["params"]

    def apply(params: Params, coords: Array) -> Array:
        return cast(Array, module.apply({"params": params}, coords))

    leaves = jax.tree.leaves(jax.eval_shape(init, jax.random.key(0)))
    count = sum(math.prod(leaf.shape) for leaf in leaves)
    if count > _MOST_WEIGHTS:
        raise UserError(f"a field of {count} weights is above {_MOST_WEIGHTS}; make it smaller")
    return Field(init, apply)

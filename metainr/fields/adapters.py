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
    """Wraps a linen module `coords[..., in_dim] -> values[..., c]`; params are its plain dict.

    A module that says `self.sow("intermediates", "hidden", x)` of what its last layer reads gives
    the field its `hidden`. Raises UserError if it is no such module, keeps other variables than
    params, or has more than 2³¹ weights.
    """
    if not isinstance(module, nn.Module):
        raise UserError(
            f"of_flax wraps a flax.linen module, as Network(64) is, not one of type "
            f"{type(module).__name__}"
        )

    def init(key: Key) -> Params:
        return module.init(key, jnp.zeros((1, in_dim)))["params"]

    def apply(params: Params, coords: Array) -> Array:
        return cast(Array, module.apply({"params": params}, coords))

    def hidden(params: Params, coords: Array) -> Array:
        _, seen = module.apply({"params": params}, coords, mutable=["intermediates"])
        return seen["intermediates"]["hidden"][0]

    variables = jax.eval_shape(
        lambda key: module.init(key, jnp.zeros((1, in_dim)), mutable=True), jax.random.key(0)
    )
    _require_params_alone(variables)
    has_hidden = "hidden" in variables.get("intermediates", {})
    return Field(init, apply, hidden if has_hidden else None)


def _require_params_alone(variables):
    others = sorted(set(variables) - {"params", "intermediates"})
    if others or "params" not in variables:
        raise UserError(
            f"the module keeps {' and '.join(others) or 'no params'}; a field is a function of "
            "its params and coordinates alone"
        )
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))
    if count > _MOST_WEIGHTS:
        raise UserError(f"a field of {count} weights is above {_MOST_WEIGHTS}; make it smaller")

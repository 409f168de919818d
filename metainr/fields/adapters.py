"""From networks of other libraries to a `Field`."""

import math
from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from metainr.errors import UserError
from metainr.types import Array, Field, Key, Params

_MOST_WEIGHTS = 2**31


def of_flax(module: nn.Module, in_dim: int) -> Field:
    """Wraps a linen module `coords[..., in_dim] -> values[..., c]`; params are its plain dict.

    A module that says `self.sow("intermediates", "hidden", x)` of what its last layer reads gives
    the field its `hidden`. Raises UserError if it is no such module, keeps other variables than
    params, or has more than 2³¹ weights.

    >>> field = metainr.fields.of_flax(flax.linen.Dense(3), in_dim=2)
    >>> field.apply(field.init(jax.random.key(0)), jnp.zeros((5, 2))).shape
    (5, 3)
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
        return cast(Array, seen["intermediates"]["hidden"][0])

    variables = jax.eval_shape(
        lambda key: module.init(key, jnp.zeros((1, in_dim)), mutable=True), jax.random.key(0)
    )
    _require_params_alone(variables)
    has_hidden = "hidden" in variables.get("intermediates", {})
    return Field(init, apply, hidden if has_hidden else None)


def of_functions(init: Callable[[Key], Params], apply: Callable[[Params, Array], Array]) -> Field:
    """Plain functions: `init(key) -> params`, `apply(params, coords[..., d]) -> values[..., c]`.

    >>> init, apply = lambda key: jnp.ones((2, 1)), lambda weights, x: jnp.sin(x @ weights)
    >>> field = metainr.fields.of_functions(init, apply)
    >>> field.apply(field.init(jax.random.key(0)), jnp.zeros((5, 2))).shape
    (5, 1)
    """
    for name, function in (("init", init), ("apply", apply)):
        if not callable(function):
            raise UserError(f"{name} is of type {type(function).__name__}; give a function")
    return Field(init, apply)


def of_equinox(make: Callable[[Key], Callable[[Array], Array]]) -> Field:
    """A network made by `make(key)` that maps one point [d] to values [c], as Equinox's do.

    Any pytree that can be called will do; its arrays of floats are the params. What else it holds
    is taken from the network of one key, and must be the same for all.
    """
    static = _without_floats(make(jax.random.key(0)))

    def init(key: Key) -> Params:
        return jax.tree.map(lambda leaf: leaf if _is_float(leaf) else None, make(key))

    def apply(params: Params, coords: Array) -> Array:
        network = jax.tree.map(
            lambda own, other: other if own is None else own,
            params,
            static,
            is_leaf=lambda leaf: leaf is None,
        )
        values = jax.vmap(network)(coords.reshape(-1, coords.shape[-1]))
        return values.reshape(*coords.shape[:-1], *values.shape[1:])

    return Field(init, apply)


def _without_floats(tree):
    return jax.tree.map(lambda leaf: None if _is_float(leaf) else leaf, tree)


def _is_float(leaf):
    return isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating)


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

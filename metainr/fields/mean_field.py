"""Several fields as one: the mean of their values."""

import functools

import jax
import jax.numpy as jnp

from metainr.types import Array, Field, Key, Params


@functools.lru_cache(maxsize=64)
def mean_field(field: Field, count: int) -> Field:
    """f(x) = Σ_i f_{θ_i}(x) / n: n copies of a field, each with weights of its own.

    Params are {"field_0": θ_0, …}. A step of gradient descent changes f by a mean over the copies,
    over n, of what it would change of each alone.
    """
    names = [f"field_{i}" for i in range(count)]

    def init(key: Key) -> Params:
        return dict(zip(names, map(field.init, jax.random.split(key, count))))

    def apply(params: Params, coords: Array) -> Array:
        return jnp.mean(jnp.stack([field.apply(params[name], coords) for name in names]), axis=0)

    return Field(init, apply)

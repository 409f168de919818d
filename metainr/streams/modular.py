"""One field of many small ones, each for its part of the domain."""

import jax
import jax.numpy as jnp
import numpy as np

from metainr.streams.layout import Layout, blend
from metainr.types import Array, Field, Key, Params


def modular(field: Field, layout: Layout) -> Field:
    """f(x) = Σ_k share_k(x) g(θ_k, x_k), x in [0, 1)^d of the whole and x_k in [0, 1)^d of part k.

    Its params are those of the modules g, stacked; all start from one init. Every module is asked
    at every point, and a point takes those whose part it lies in; where parts overlap, they are
    blended linearly.
    """
    shape, size = np.array(layout.shape, np.float32), np.array(layout.part_shape, np.float32)

    def init(key: Key) -> Params:
        return stacked(field.init(key), layout.num_parts)

    def apply(params: Params, coords: Array) -> Array:
        places = coords * shape.reshape(*[1] * (coords.ndim - 1), -1)
        total = 0.0
        for part, start in enumerate(layout.starts.astype(np.float32)):
            own = jax.tree.map(lambda x, part=part: x[part], params)
            first = start.reshape(*[1] * (coords.ndim - 1), -1)
            local = (places - first) / size.reshape(first.shape)
            total += blend(layout, part, places)[..., None] * field.apply(own, local)
        return jnp.asarray(total)

    return Field(init, apply)


def stacked(params: Params, count: int) -> Params:
    """The same weights for every module."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *x.shape)), params)

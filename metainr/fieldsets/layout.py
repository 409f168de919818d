"""What an inner loop adapts as one vector, and back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.types import Adapted, Array


class Layout(NamedTuple):
    """How the leaves of what is adapted lie in a vector [d]: one behind the other, in their order.

    size: d.
    flatten, unflatten: a pytree to float32 [d], and back; both may be traced.
    """

    size: int
    flatten: Callable[[Adapted], Array]
    unflatten: Callable[[Array], Adapted]


def layout_of(like: Any) -> Layout:
    """The layout of pytrees like this one, whose leaves are arrays or their shapes.

    >>> layout = layout_of({"a": np.zeros((2, 2)), "b": np.zeros(1)})
    >>> layout.size
    5
    """
    leaves, structure = jax.tree.flatten(like)
    shapes = [leaf.shape for leaf in leaves]
    sizes = [int(np.prod(shape)) for shape in shapes]
    ends = np.cumsum(sizes)[:-1].tolist()

    def flatten(tree):
        found = [jnp.reshape(leaf, -1).astype(jnp.float32) for leaf in jax.tree.leaves(tree)]
        return jnp.concatenate(found)

    def unflatten(vector):
        parts = jnp.split(jnp.asarray(vector), ends)
        return jax.tree.unflatten(structure, [x.reshape(s) for x, s in zip(parts, shapes)])

    return Layout(sum(sizes), flatten, unflatten)

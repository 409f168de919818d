"""Fields of equal size."""

import math
from collections.abc import Callable

import jax

from metainr.types import Field


def num_params(field: Field) -> int:
    """How many numbers the field's weights are."""
    shapes = jax.eval_shape(field.init, jax.random.key(0))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))


def width_for(make_field: Callable[[int], Field], wanted: int) -> int:
    """The width at which `make_field(width)` comes nearest to a number of weights."""

    def size(width):
        return num_params(make_field(width))

    high = 1
    while size(high) < wanted:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if size(middle) >= wanted else (middle, high)
    return min((max(low, 1), high), key=lambda width: abs(size(width) - wanted))

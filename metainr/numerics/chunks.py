"""Sums over observations in chunks: the same value, in memory that does not grow with them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from metainr.platforms import Platform, chunk_values, this_platform
from metainr.types import Observations, Tree

_SMALLEST = 1024  # below, the products of a chunk are too small to run at full speed
_ALIGNMENT = 64


def default_chunk_size(width: int, platform: Platform | None = None) -> int:
    """Field evaluations per chunk for a field `width` units wide, at least 1024.

    So many that a layer's activations are those of the platform's rule; None: of this process'.
    """
    return max(_SMALLEST, chunk_values(platform or this_platform()) // width)


def sum_over_chunks(
    function: Callable[[Observations], Any], observations: Observations, chunk_size: int | None
) -> Any:
    """Returns Σ_c function(chunk_c), leaf by leaf, over equal chunks of the n observations.

    `function` must be a sum over its observations in which those of weight 0 add nothing: the last
    chunk overlaps the one before it, and what it repeats has weight 0 there. Equal to
    `function(observations)` up to rounding. `chunk_size=None` means one chunk.
    """
    n = len(observations.weights)
    num_chunks, size = _layout(n, chunk_size)
    if num_chunks == 1:
        return function(observations)

    def chunk(number):
        rows, start = _rows(observations, number, size, n)
        is_new = start + jnp.arange(size) >= number * size
        return rows._replace(weights=jnp.where(is_new, rows.weights, 0))

    total = _zeros(jax.eval_shape(lambda: function(chunk(0))))
    total, _ = lax.scan(
        lambda total, number: (jax.tree.map(jnp.add, total, function(chunk(number))), None),
        total,
        jnp.arange(num_chunks),
    )
    return total


def map_over_chunks(function: Callable[[Any], Any], rows: Tree, chunk_size: int | None) -> Any:
    """Returns `function(rows)`, computed on a chunk of rows (leading axis) at a time.

    Row i of the result must depend on row i alone.
    """
    n = jax.tree.leaves(rows)[0].shape[0]
    num_chunks, size = _layout(n, chunk_size)
    if num_chunks == 1:
        return function(rows)

    def write(results, number):
        chunk, start = _rows(rows, number, size, n)
        return jax.tree.map(
            lambda whole, part: lax.dynamic_update_slice_in_dim(whole, part, start, 0),
            results,
            function(chunk),
        ), None

    results = _zeros(jax.eval_shape(function, rows))
    return lax.scan(write, results, jnp.arange(num_chunks))[0]


def _layout(n, chunk_size):
    """Number of chunks, and rows in each: equal, and a multiple of 64 where that fits."""
    if chunk_size is None or n <= chunk_size:
        return 1, n
    num_chunks = -(-n // chunk_size)
    equal = -(-n // num_chunks)
    return num_chunks, min(-(-equal // _ALIGNMENT) * _ALIGNMENT, chunk_size)


def _rows(tree, number, size, n):
    """Chunk `number` of a pytree of arrays, and its first row: the last chunk ends at row n."""
    start = jnp.minimum(number * size, n - size)
    return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, start, size), tree), start


def _zeros(shapes):
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

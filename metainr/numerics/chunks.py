"""Sums over observations in chunks: the same value, in memory that does not grow with them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from metainr.types import Observations

_CPU_CHUNK = 1024  # 256 activations of each fill a core's second-level cache


def default_chunk_size() -> int | None:
    """Observations per chunk for this machine: cache-sized on CPU, None (all at once) elsewhere."""
    return _CPU_CHUNK if jax.default_backend() == "cpu" else None


def sum_over_chunks(
    function: Callable[[Observations], Any], observations: Observations, chunk_size: int | None
) -> Any:
    """Returns Σ_c function(chunk_c), leaf by leaf, over equal chunks of the n observations.

    `function` must be a sum over its observations in which those of weight 0 add nothing: the last
    chunk is padded with copies of the first row at weight 0. Equal to `function(observations)` up
    to rounding. `chunk_size=None` means one chunk.
    """
    n = len(observations.weights)
    num_chunks = 1 if chunk_size is None else -(-n // chunk_size)
    if num_chunks == 1:
        return function(observations)
    size = -(-n // num_chunks)
    chunks = jax.tree.map(
        lambda x: x.reshape(num_chunks, size, *x.shape[1:]), _pad(observations, num_chunks * size)
    )
    first = jax.tree.map(lambda x: x[0], chunks)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(function, first))
    total, _ = lax.scan(
        lambda total, chunk: (jax.tree.map(jnp.add, total, function(chunk)), None), zeros, chunks
    )
    return total


def _pad(observations, length):
    missing = length - len(observations.weights)
    if missing == 0:
        return observations
    padded = jax.tree.map(
        lambda x: jnp.concatenate([x, jnp.broadcast_to(x[:1], (missing, *x.shape[1:]))]),
        observations,
    )
    return padded._replace(weights=padded.weights.at[-missing:].set(0))

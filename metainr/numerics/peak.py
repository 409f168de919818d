"""What the machine can do at best, the measure of everything that multiplies matrices."""

import time

import jax
import jax.numpy as jnp
from jax import lax

from metainr.platforms import this_platform

_SECONDS = 0.1  # spent on each size, at least


def matmul_peak() -> float:
    """FLOP/s of one device at full float32 precision: the fastest of some square products.

    An n × n product counts 2n³. Measured anew by every call, in less than a second; other work on
    the machine lowers it. Products of lower precision may exceed it.
    """
    return max(2 * side**3 / _fastest(side) for side in this_platform().peak_sides)


@jax.jit
def _product(matrix):
    return jnp.matmul(matrix, matrix, precision=lax.Precision.HIGHEST)


def _fastest(size):
    """Seconds of the fastest of several products, the first one, which compiles, aside."""
    matrix = jnp.linspace(-1, 1, size * size).reshape(size, size)
    _product(matrix).block_until_ready()
    began, fastest = time.perf_counter(), float("inf")
    while time.perf_counter() - began < _SECONDS:
        start = time.perf_counter()
        _product(matrix).block_until_ready()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest

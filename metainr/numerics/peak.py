"""What the machine can do at best, the measure of everything that multiplies matrices."""

import time

import jax
import jax.numpy as jnp
from jax import lax

_CPU_SIZES = (1024, 2048)
_ACCELERATOR_SIZES = (4096, 8192)
_SECONDS = 0.1  # spent on each size, at least


def matmul_peak() -> float:
    """FLOP/s of one device at full float32 precision: the fastest of some square products.

    An n × n product counts 2n³. Measured anew by every call, in less than a second; other work on
    the machine lowers it. Products of lower precision may exceed it.
    """
    sizes = _CPU_SIZES if jax.default_backend() == "cpu" else _ACCELERATOR_SIZES
    return max(2 * size**3 / _fastest(size) for size in sizes)


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

"""The products of linear layers, in each platform's own way: decided where a program is lowered.

So programs that are exported, or compiled for devices that are not there, have the products of the
platform they are for. docs/devices.md has the rule of every platform.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from metainr.types import Array

_FEW_FEATURES = 4  # as coordinates have


def float32_product(x: Array, kernel: Array, dimensions: Any, **options: Any) -> Array:
    """`lax.dot_general` of float32 factors.

    On TPUs in three passes: each factor is the sum of two bfloat16 numbers, and the product of the
    two small ones is left out, a relative error of about 2⁻¹⁶. Elsewhere of full precision, as
    everywhere where x has few features: frequencies of thousands of radians amplify what is rounded
    off coordinates.
    """
    if x.shape[-1] <= _FEW_FEATURES:
        return _product(dimensions, lax.Precision.HIGHEST, x, kernel)
    return lax.platform_dependent(x, kernel, **_float32_ways(dimensions))


def bfloat16_product(x: Array, kernel: Array, dimensions: Any, **options: Any) -> Array:
    """`lax.dot_general` of factors rounded to bfloat16, summed in float32."""
    return lax.platform_dependent(x, kernel, **_bfloat16_ways(dimensions))


# Made once for all calls of their dimensions: what JAX traces and compiles is kept by function.
@functools.cache
def _float32_ways(dimensions):
    return {
        "tpu": functools.partial(_product, dimensions, lax.Precision.HIGH),
        "default": functools.partial(_product, dimensions, lax.Precision.HIGHEST),
    }


@functools.cache
def _bfloat16_ways(dimensions):
    return {
        # XLA:CPU has fast bfloat16 for this form of product alone: those of derivatives keep their
        # cotangents in float32.
        "cpu": functools.partial(_cast_product, dimensions),
        # Holds for all derivatives' products too.
        "default": functools.partial(_product, dimensions, lax.DotAlgorithmPreset.BF16_BF16_F32),
    }


def _product(dimensions, precision, x, kernel):
    return lax.dot_general(x, kernel, dimensions, precision=precision)


def _cast_product(dimensions, x, kernel):
    factors = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    return lax.dot_general(*factors, dimensions, preferred_element_type=jnp.float32)


PRODUCTS: dict[str, Callable[..., Array]] = {
    "float32": float32_product,
    "bfloat16": bfloat16_product,
}

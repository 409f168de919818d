"""The linear layer that all fields share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from metainr.registry import look_up
from metainr.types import Array


def dense(
    features: int,
    index: int,
    kernel_init: Callable,
    compute_dtype: str = "float32",
    bias_init: Callable | None = nn.initializers.zeros,
) -> nn.Dense:
    """The linear layer `dense_<index>` with float32 weights; no biases if `bias_init` is None.

    With `compute_dtype="float32"` its product has full float32 precision: frequencies of hundreds
    of radians amplify the rounding of the reduced-precision products that some accelerators use by
    default. With "bfloat16" its factors are rounded, and summed in float32. Raises UserError if the
    dtype is another one.
    """
    return nn.Dense(
        features,
        use_bias=bias_init is not None,
        kernel_init=kernel_init,
        bias_init=bias_init or nn.initializers.zeros,
        precision=lax.Precision.HIGHEST,
        dot_general=look_up("compute_dtype", compute_dtype, PRODUCTS),
        name=f"dense_{index}",
    )


def uniform(limit: float) -> Callable:
    """Initial weights U(−limit, limit)."""

    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


def _bfloat16_product(x: Array, kernel: Array, dimensions: Any, **options: Any) -> Array:
    if jax.default_backend() == "cpu":
        # XLA:CPU has fast bfloat16 for this form of product alone: those of derivatives keep their
        # cotangents in float32.
        factors = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
        return lax.dot_general(*factors, dimensions, preferred_element_type=jnp.float32)
    # Holds for all derivatives' products too.
    return lax.dot_general(x, kernel, dimensions, precision=lax.DotAlgorithmPreset.BF16_BF16_F32)


PRODUCTS = {"float32": None, "bfloat16": _bfloat16_product}

"""The linear layer that all fields share."""

from collections.abc import Callable

import jax
from flax import linen as nn

from metainr.numerics.products import PRODUCTS, full_product
from metainr.registry import look_up


def dense(
    features: int,
    index: int,
    kernel_init: Callable,
    compute_dtype: str = "float32",
    bias_init: Callable | None = nn.initializers.zeros,
) -> nn.Dense:
    """The linear layer `dense_<index>` with float32 weights; no biases if `bias_init` is None.

    `compute_dtype` says what its product is, by `metainr.numerics.products.PRODUCTS`. Layer 0 reads
    coordinates or their encoding: its float32 product is of full precision on all platforms, since
    frequencies of hundreds of radians amplify its rounding. Raises UserError for other dtypes.
    """
    product = look_up("compute_dtype", compute_dtype, PRODUCTS)
    return nn.Dense(
        features,
        use_bias=bias_init is not None,
        kernel_init=kernel_init,
        bias_init=bias_init or nn.initializers.zeros,
        dot_general=full_product if index == 0 and compute_dtype == "float32" else product,
        name=f"dense_{index}",
    )


def uniform(limit: float) -> Callable:
    """Initial weights U(−limit, limit)."""

    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init

"""The linear layer that all fields share."""

from collections.abc import Callable

import jax
from flax import linen as nn

from metainr.numerics.products import PRODUCTS
from metainr.registry import look_up


def dense(
    features: int,
    index: int,
    kernel_init: Callable,
    compute_dtype: str = "float32",
    bias_init: Callable | None = nn.initializers.zeros,
) -> nn.Dense:
    """The linear layer `dense_<index>` with float32 weights; no biases if `bias_init` is None.

    `compute_dtype` says what its product is: a name of `metainr.numerics.products.PRODUCTS`. Raises
    UserError for others.
    """
    return nn.Dense(
        features,
        use_bias=bias_init is not None,
        kernel_init=kernel_init,
        bias_init=bias_init or nn.initializers.zeros,
        dot_general=look_up("compute_dtype", compute_dtype, PRODUCTS),
        name=f"dense_{index}",
    )


def uniform(limit: float) -> Callable:
    """Initial weights U(−limit, limit)."""

    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init

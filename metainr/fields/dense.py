"""The linear layer that all fields share, and the way from a flax module to a `Field`."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from jax.lax import DotAlgorithmPreset, Precision

from metainr.errors import UserError
from metainr.types import Field

# Both sum in float32 and give float32; so do, by JAX's rules, all derivatives of the products.
_PRECISIONS = {"float32": Precision.HIGHEST, "bfloat16": DotAlgorithmPreset.BF16_BF16_F32}


def dense(
    features: int,
    index: int,
    kernel_init: Callable,
    precision: Precision | DotAlgorithmPreset = Precision.HIGHEST,
) -> nn.Dense:
    """The linear layer `dense_<index>` with zero biases, by default at full float32 precision.

    Frequencies of hundreds of radians amplify the rounding of reduced-precision products, which
    some accelerators use by default.
    """
    return nn.Dense(features, kernel_init=kernel_init, precision=precision, name=f"dense_{index}")


def hidden_precision(compute_dtype: str) -> Precision | DotAlgorithmPreset:
    """The precision of hidden layers' products for a name such as "bfloat16".

    Raises UserError if it is unknown.
    """
    if compute_dtype not in _PRECISIONS:
        raise UserError(f"unknown compute dtype {compute_dtype!r}; use one of {[*_PRECISIONS]}")
    return _PRECISIONS[compute_dtype]


def from_module(module: nn.Module, in_dim: int) -> Field:
    """Wraps a flax module `coords[..., in_dim] -> values[..., c]`; params are its plain dict."""
    return Field(
        init=lambda key: module.init(key, jnp.zeros((1, in_dim)))["params"],
        apply=lambda params, coords: module.apply({"params": params}, coords),
    )

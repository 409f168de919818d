"""Elementwise functions by the names under which `jax.nn` and `jax.numpy` have them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from metainr.numerics import sin, softplus
from metainr.types import Array

_OF_NN = (
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "swish", "mish"),
    *("sigmoid", "log_sigmoid", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"),
    *("soft_sign", "squareplus", "sparse_plus", "sparse_sigmoid"),
)
_OF_NUMPY = (
    *("abs", "arcsinh", "arctan", "cos", "cosh", "exp", "expm1", "sinc", "sinh", "square"),
    "tanh",
)

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "sin": sin,
    "softplus": softplus,
    **{name: getattr(jax.nn, name) for name in _OF_NN},
    **{name: getattr(jnp, name) for name in _OF_NUMPY},
}

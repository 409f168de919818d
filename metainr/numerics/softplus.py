"""A softplus that costs an exponential and a logarithm.

`jax.nn.softplus` takes as long as the matrix product before it on XLA:CPU; of the other common
activations only the sine does (benchmarks/RESULTS.md).
"""

import jax
import jax.numpy as jnp

from metainr.types import Array


def _softplus(x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


softplus = jax.custom_jvp(_softplus)
"""log(1 + eˣ) elementwise, as max(x, 0) + log(1 + e^−|x|); differentiable to any order."""


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return softplus(x), jax.nn.sigmoid(x) * tangent

"""Products rounded as accelerators round them, emulated in float32, and fields made of them.

A product in one pass rounds its factors to bfloat16. In three passes each factor is a sum of two
bfloat16 numbers, x ≈ x₁ + x₂, and x y ≈ x₁ y₁ + x₁ y₂ + x₂ y₁; that is how TPUs multiply float32
at `Precision.HIGH`. With three numbers and six passes, `Precision.HIGHEST`, little but the order
of sums differs from float32. Products of derivatives are rounded likewise, sums are float32.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from metainr.types import Array, Field


class Passes(NamedTuple):
    """Passes of products: of coordinates, of other layers, of the last one; 0: plain float32."""

    first: int
    hidden: int
    last: int


FULL = Passes(0, 0, 0)
_PARTS = {1: 1, 3: 2, 6: 3}


@functools.cache
def rounded_product(passes: int) -> Callable[[Array, Array], Array]:
    """(x [n, k], y [k, m]) -> x y [n, m]; it and its derivatives rounded as in so many passes."""
    multiply = functools.partial(_rounded, passes)
    product = jax.custom_vjp(multiply)
    product.defvjp(
        lambda x, y: (multiply(x, y), (x, y)),
        lambda kept, cotangent: (multiply(cotangent, kept[1].T), multiply(kept[0].T, cotangent)),
    )
    return product


def _rounded(passes, x, y):
    if not passes:
        return x @ y
    count = _PARTS[passes]
    left, right = _parts(x, count), _parts(y, count)
    pairs = [(a, b) for i, a in enumerate(left) for b in right[: count - i]]
    return functools.reduce(jnp.add, [a @ b for a, b in pairs])


def _parts(x, count):
    """So many bfloat16 numbers whose sum is close to x, the largest first."""
    # A cast to bfloat16 and back is what XLA may leave out.
    first = lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)
    return [first] if count == 1 else [first, *_parts(x - first, count - 1)]


def rounded(field: Field, passes: Passes) -> Field:
    """The field with rounded products in its linear layers, those that `dense` makes."""

    def apply(params, coords):
        last = f"dense_{sum(name.startswith('dense_') for name in params) - 1}"

        def layer(plain, arguments, keywords, context):
            name = context.module.name
            if context.method_name != "__call__" or name not in params:
                return plain(*arguments, **keywords)
            (x,), weights = arguments, params[name]
            reads_coordinates = x.shape[-1] == coords.shape[-1]
            count = passes.first if reads_coordinates else passes.hidden
            y = rounded_product(passes.last if name == last else count)(x, weights["kernel"])
            return y + jnp.broadcast_to(weights.get("bias", 0.0), y.shape)

        with nn.intercept_methods(layer):
            return field.apply(params, coords)

    return Field(field.init, apply)

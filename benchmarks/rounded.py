"""Products rounded as accelerators round them, emulated in float32, and a SIREN made of them.

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
import numpy as np
from jax import lax

from benchmarks.ours import make_field
from benchmarks.setting import Setting
from metainr.evaluation.metrics import psnr_of_mse
from metainr.numerics import sin
from metainr.objectives import pixel_grid
from metainr.types import Array, Field, Params


class Passes(NamedTuple):
    """Passes of the products of the first, the hidden and the last layers; 0: plain float32."""

    first: int
    hidden: int
    last: int


FULL = Passes(0, 0, 0)
INNER_STEPS, INNER_RATE = 2, 1e-2
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


def rounded_siren(setting: Setting, passes: Passes) -> Field:
    """The setting's SIREN with rounded products; its weights are those of `make_field`."""
    of_layer = [passes.first, *[passes.hidden] * (setting.depth - 2), passes.last]

    def apply(params, coords):
        x = coords
        for index, count in enumerate(of_layer):
            layer = params[f"dense_{index}"]
            x = rounded_product(count)(x, layer["kernel"])
            x = x + jnp.broadcast_to(layer["bias"], x.shape)
            x = sin(setting.omega * x) if index < setting.depth - 1 else x
        return x + 0.5

    return Field(make_field(setting).init, apply)


def mean_psnr(field: Field, params: Params, images: Array) -> float:
    """Mean PSNR in dB of images [n, h, w, c] after two steps of gradient descent at all pixels."""
    coords = jnp.asarray(pixel_grid(images.shape[1:3]))

    def error(params, coords, values):
        return jnp.mean(jnp.square(field.apply(params, coords) - values))

    @jax.jit  # all are arguments: XLA works out products of constants while it compiles
    def one(params, coords, values):
        for _ in range(INNER_STEPS):
            slope = jax.grad(error)(params, coords, values)
            params = jax.tree.map(lambda p, g: p - INNER_RATE * g, params, slope)
        return psnr_of_mse(error(params, coords, values))

    return float(np.mean([one(params, coords, x.reshape(len(coords), -1)) for x in images]))

"""Products rounded as accelerators round them, emulated in float32, and a SIREN made of them.

A product in one pass rounds its factors to bfloat16. In three passes each factor is a sum of two
bfloat16 numbers, x ≈ x₁ + x₂, and x y ≈ x₁ y₁ + x₁ y₂ + x₂ y₁; that is how TPUs multiply float32
at `Precision.HIGH`. Products of derivatives are rounded likewise, sums are float32.
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
    """Passes of the products of the first, the hidden and the last layers; 0: full float32."""

    first: int
    hidden: int
    last: int


FULL = Passes(0, 0, 0)
INNER_STEPS, INNER_RATE = 2, 1e-2


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
    x1, y1 = _to_bfloat16(x), _to_bfloat16(y)
    if passes == 1:
        return x1 @ y1
    return x1 @ y1 + x1 @ _to_bfloat16(y - y1) + _to_bfloat16(x - x1) @ y1


def _to_bfloat16(x):
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)  # a cast XLA may leave out


def rounded_siren(setting: Setting, passes: Passes) -> Field:
    """The setting's SIREN with rounded products; its weights are those of `make_field`."""
    of_layer = [passes.first, *[passes.hidden] * (setting.depth - 2), passes.last]

    def apply(params, coords):
        x = coords
        for index, count in enumerate(of_layer):
            layer = params[f"dense_{index}"]
            x = rounded_product(count)(x, layer["kernel"]) + layer["bias"][None]
            x = sin(setting.omega * x) if index < setting.depth - 1 else x
        return x + 0.5

    return Field(make_field(setting).init, apply)


def mean_psnr(field: Field, params: Params, images: Array) -> float:
    """Mean PSNR in dB of images [n, h, w, c] after two steps of gradient descent at all pixels."""
    coords = jnp.asarray(pixel_grid(images.shape[1:3]))

    def error(params, values):
        return jnp.mean(jnp.square(field.apply(params, coords) - values))

    @jax.jit
    def one(image):
        fitted, values = params, image.reshape(len(coords), -1)
        for _ in range(INNER_STEPS):
            slope = jax.grad(error)(fitted, values)
            fitted = jax.tree.map(lambda p, g: p - INNER_RATE * g, fitted, slope)
        return psnr_of_mse(error(fitted, values))

    return float(np.mean([one(image) for image in images]))

"""What the roundings of accelerators' matrix products cost in quality, emulated on CPU.

    python -m benchmarks.roundings

A product in one pass rounds its factors to bfloat16. In three passes each factor is a sum of two
bfloat16 numbers, x ≈ x₁ + x₂, and x y ≈ x₁ y₁ + x₁ y₂ + x₂ y₁; that is how TPUs multiply float32
at `Precision.HIGH`. Products of derivatives are rounded likewise, sums are float32.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax import lax

import metainr
from benchmarks import shared_flags
from benchmarks.network_flags import network_setting
from benchmarks.ours import make_field
from benchmarks.report import number, report
from benchmarks.setting import Setting
from experiments import cli
from metainr import signals
from metainr.evaluation.metrics import psnr_of_mse
from metainr.numerics import sin
from metainr.objectives import pixel_grid
from metainr.reporting.tables import Table
from metainr.types import Array, Field, Params

_SIGNALS = ("sdf", "text", "photos")
_INNER_STEPS, _INNER_RATE = 2, 1e-2

SIGNALS = shared_flags.some_of("signals", _SIGNALS, "sdf,text", "classes of images")
SIDE = flags.DEFINE_integer("side", 32, "of the images, in pixels", 1)
TRAIN_STEPS = flags.DEFINE_integer("train_steps", 300, "outer steps", 1)
OUTER_RATE = flags.DEFINE_float("outer_learning_rate", 1e-4, "of Adam", 0)
NUM_TEST = flags.DEFINE_integer("num_test", 32, "test images", 1)


class Passes(NamedTuple):
    """Passes of the products of the first, the hidden and the last layers; 0: full float32."""

    first: int
    hidden: int
    last: int


FULL = Passes(0, 0, 0)
ROUNDINGS = {
    "float32": FULL,
    "three passes but for the first layer": Passes(0, 3, 3),
    "three passes": Passes(3, 3, 3),
    "one pass in hidden layers": Passes(0, 1, 0),
    "one pass but for the first layer": Passes(0, 1, 1),
    "one pass": Passes(1, 1, 1),
}
_TRAINED = ("float32", "three passes but for the first layer", "one pass in hidden layers")


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
            x = rounded_product(count)(x, layer["kernel"]) + layer["bias"]
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
        for _ in range(_INNER_STEPS):
            slope = jax.grad(error)(fitted, values)
            fitted = jax.tree.map(lambda p, g: p - _INNER_RATE * g, fitted, slope)
        return psnr_of_mse(error(fitted, values))

    return float(np.mean([one(image) for image in images]))


def tables() -> Iterator[Table]:
    """A table for each class of images."""
    setting = network_setting()
    for name in SIGNALS.value:
        data = signals.make(name, signals.ImageOptions(SIDE.value))
        images = jnp.stack([data.get("test", i) for i in range(NUM_TEST.value)])
        inits = {kind: _learned(setting, data, ROUNDINGS[kind]) for kind in _TRAINED}
        rows = []
        for kind, passes in ROUNDINGS.items():
            field = rounded_siren(setting, passes)
            found = [mean_psnr(field, inits["float32"], images)]
            found += [mean_psnr(field, inits[kind], images)] if kind in _TRAINED else [None]
            rows.append((kind, *(number(x, 2) for x in found)))
        note = (
            f"{NUM_TEST.value} images of {SIDE.value}² pixels, SIREN {setting.depth} × "
            f"{setting.width}, MAML of {TRAIN_STEPS.value} outer steps. Emulated. Two trainings "
            "whose roundings differ end at other weights: the last column differs by that, too."
        )
        header = ("products", "tested so, learned in float32, dB", "learned and tested so, dB")
        yield Table(f"PSNR after two steps, {name}", header, tuple(rows), note)


def _learned(setting, data, passes):
    run = metainr.learn(
        data,
        field=rounded_siren(setting, passes),
        inner_steps=_INNER_STEPS,
        inner_learning_rate=_INNER_RATE,
        outer_learning_rate=OUTER_RATE.value,
        train_steps=TRAIN_STEPS.value,
        eval_every=TRAIN_STEPS.value,
    )
    return run.init.meta_params


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("roundings", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)

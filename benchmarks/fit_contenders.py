"""The ways to fit many images from one init that are compared."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import machine, ours, recipe
from benchmarks.comparison import OURS, Contender, if_it_fits
from benchmarks.programs import Program, compile_program
from benchmarks.setting import Setting, make_images
from metainr.evaluation.fitting import make_fitter
from metainr.objectives import image_samples, pixel_grid
from metainr.types import Array


def fit_contenders(setting: Setting, num: int, steps: int, slots: int) -> dict[str, Contender]:
    """All contenders by name.

    Args:
        setting: image size, network, inner optimizer and its rate.
        num: of images.
        steps: gradient steps on each of them.
        slots: images that ours fits side by side, as test-time fits do.
    """
    images, slots = make_images(num, setting.side), min(slots, num)
    everything, size = _largest_that_fits(setting, images, steps)
    name = "vmap" if size >= num else f"vmap, {size} at a time"
    found = {OURS: _ours(setting, images, steps, slots), name: everything}
    if slots < size:
        found[f"vmap, {slots} at a time"] = _vmapped(setting, images, steps, slots)
    return found


def _ours(setting, images, steps, slots):
    """Blocks of slots through the fitter that evaluation uses."""
    fitter = make_fitter(ours.make_algorithm(setting).make_inner, setting.inner_optimizer)
    make_supports = jax.jit(jax.vmap(image_samples))
    params, rate = ours.first_params(setting), setting.inner_rate
    keys = jax.random.split(jax.random.key(0), slots)
    states = fitter.init(params, rate, slots)
    supports = make_supports(images[_block(0, slots, len(images))])
    program = compile_program(fitter.advance, states, rate, supports, keys, steps)

    def fit(block):
        states = fitter.init(params, rate, slots)
        return program.call(states, rate, make_supports(block), keys, steps)

    return _in_blocks(fit, program, images, slots)


def _largest_that_fits(setting, images, steps):
    """The plain contender on all images or else in the largest power of two of them; that number.

    If not even one image fits, a contender that says so.
    """
    size = 2 ** (len(images) - 1).bit_length()
    contender = _vmapped(setting, images, steps, size)
    while contender.run is None and size > 1:
        size //= 2
        contender = _vmapped(setting, images, steps, size)
    return contender, size


def _vmapped(setting, images, steps, size):
    """What one writes without metainr: a loop of steps on one image, under `jit` and `vmap`."""
    layers = recipe.layers(ours.first_params(setting))
    fit = make_plain_fit(setting, steps)
    values = images.reshape(len(images), -1, images.shape[-1])
    size = min(size, len(values))
    program = compile_program(fit, layers, values[:size])
    return _in_blocks(lambda block: program.call(layers, block), program, values, size)


def make_plain_fit(setting: Setting, steps: int) -> Callable[[recipe.Layers, Array], recipe.Layers]:
    """Builds the jitted (params, values [num, n, c]) -> the stacked weights fitted to each."""
    coords = pixel_grid((setting.side, setting.side))

    def step(params, values):
        slope = jax.grad(recipe.squared_error)(params, coords, values, setting.omega)
        return jax.tree.map(lambda p, g: p - setting.inner_rate * g, params, slope)

    def fit(params, values):
        return lax.fori_loop(0, steps, lambda _, params: step(params, values), params)

    return jax.jit(jax.vmap(fit, in_axes=(None, 0)))


def _in_blocks(
    fit: Callable[[Array], object], program: Program, rows: np.ndarray, size: int
) -> Contender:
    """Fits all rows, `size` at a time; their data come from the host, as in evaluation."""

    def run():
        for begin in range(0, len(rows), size):
            jax.block_until_ready(fit(jnp.asarray(rows[_block(begin, size, len(rows))])))

    contender = Contender(run, "", program.seconds, program.temp_bytes)
    return if_it_fits(contender, program.total_bytes, machine.available_bytes())


def _block(begin, size, num):
    """Rows of a block, the last of them repeated where they run out."""
    return np.minimum(np.arange(begin, begin + size), num - 1)

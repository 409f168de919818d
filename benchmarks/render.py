"""New views of a fitted field: what full rendering reaches, and what an occupancy grid saves.

python -m benchmarks.render --side=128 --views=20
"""

import functools
import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax import lax

from benchmarks import scene, shared_flags
from benchmarks.report import number, report
from benchmarks.timing import alternate, ratio
from experiments import cli
from metainr import algorithms, fields
from metainr.evaluation.metrics import psnr
from metainr.evaluation.occupancy import make_find_occupancy, seen_box
from metainr.evaluation.render import chunk_size_for, make_render
from metainr.evaluation.sparse_render import make_render_with_occupancy
from metainr.measurements import activate, composite, rendering
from metainr.numerics.flops import forward_flops
from metainr.numerics.peak import matmul_peak
from metainr.objectives import random_rays, squared_error
from metainr.reporting.tables import Table
from metainr.types import Field, Hyper, Params, Term

_FITTED_VIEWS = 25
_RAYS = 256
_RATE = 1e-3
_PRODUCTS = "its products alone"
_DIFFERENT_CHUNKS = 4

WIDTH = flags.DEFINE_integer("width", 128, "hidden units per layer", 1)
DEPTH = flags.DEFINE_integer("depth", 5, "linear layers, the last one included", 2)
SIDE = flags.DEFINE_integer("side", 128, "of the views, in pixels", 2)
VIEWS = flags.DEFINE_integer("views", 20, "new views to render", 1)
SAMPLES = flags.DEFINE_integer("samples", 64, "depths per ray", 2)
FIT_STEPS = flags.DEFINE_integer("fit_steps", 500, f"on {_FITTED_VIEWS} views, before", 1)
RESOLUTION = flags.DEFINE_integer("resolution", 64, "of the occupancy grid, cells per axis", 1)
ROUNDS = shared_flags.rounds(3)


class Fit(NamedTuple):
    """A field and the weights that show the scene."""

    field: Field
    params: Params


def tables() -> Iterator[Table]:
    """One table: full rendering, and rendering with an occupancy grid that is made each time."""
    fit, views = _fitted(), scene.make_views(VIEWS.value, SIDE.value, SAMPLES.value, seed=1)
    evaluations = VIEWS.value * SIDE.value**2 * SAMPLES.value
    renderers = {"full": _full(fit, views), "occupancy grid": _sparse(fit, views)}
    contenders = renderers | {_PRODUCTS: _products(fit, evaluations)}
    seconds = alternate(contenders, ROUNDS.value)
    peak = matmul_peak()
    flops = evaluations * forward_flops(fit.field.apply, fit.params, 3)

    def row(name):
        took = statistics.median(seconds[name])
        counted = flops / took if name in ("full", _PRODUCTS) else None
        return (
            name,
            number(took, 2),
            "1" if name == "full" else str(ratio(seconds["full"], seconds[name])),
            number(counted and counted / 1e9),
            number(counted and 100 * counted / peak),
            number(_quality(renderers[name](), views) if name in renderers else None, 2),
        )

    yield Table("New views of a fitted field", _HEADER, tuple(map(row, contenders)), _note(peak))


def _quality(pictures, views):
    """Mean PSNR in dB."""
    return float(np.mean([psnr(*pair) for pair in zip(pictures, views.images)]))


_HEADER = ("renderer", "seconds", "× as fast", "GFLOP/s", "% of peak", "PSNR, dB")


def _note(peak):
    return (
        f"{VIEWS.value} views of {SIDE.value}² pixels with {SAMPLES.value} samples a ray, medians "
        f"of {ROUNDS.value} rounds; × as fast: median [least–most] of the rounds' ratios. The grid "
        f"of {RESOLUTION.value}³ cells is made anew each time. Products alone: those of full "
        "rendering, chunk by chunk, without encoding, activations, compositing and pictures. "
        f"Peak: {peak / 1e9:.0f} GFLOP/s, "
        f"float32 matrix products, same run. Positional MLP {DEPTH.value} × {WIDTH.value}, fitted "
        f"to {_FITTED_VIEWS} other views by {FIT_STEPS.value} steps of Adam."
    )


def _fitted():
    options = fields.FieldOptions(
        in_dim=3,
        out_dim=4,
        width=WIDTH.value,
        depth=DEPTH.value,
        octaves=4.0,
        frequencies=10,
        output_offset=0.0,
    )
    field = fields.make("positional", options)
    views = scene.make_views(_FITTED_VIEWS, SIDE.value, SAMPLES.value, seed=0)
    objective = (Term(random_rays(_RAYS, SAMPLES.value), rendering(), squared_error),)
    hyper = Hyper("adam", _RATE)
    parts = algorithms.make_parts(field, objective, objective, hyper, FIT_STEPS.value)
    inner = algorithms.make("maml", parts).make_inner(hyper)
    adapt = jax.jit(functools.partial(algorithms.adapt, inner), static_argnums=3)
    params, _ = adapt(field.init(jax.random.key(0)), views, jax.random.key(1), FIT_STEPS.value)
    return Fit(field, params)


def _full(fit, views) -> Callable[[], list[Any]]:
    render = make_render(fit.field.apply, composite, SAMPLES.value)
    size = (SIDE.value, SIDE.value)
    return lambda: [render(fit.params, *camera, *size).colours for camera in scene.cameras(views)]


def _sparse(fit, views) -> Callable[[], list[Any]]:
    def density(features):
        return activate(features)[..., 3]

    find = make_find_occupancy(fit.field.apply, density, RESOLUTION.value)
    render = make_render_with_occupancy(fit.field.apply, composite, density, SAMPLES.value)
    size = (SIDE.value, SIDE.value)
    box = seen_box(views.poses, views.inverse_intrinsics, views.bounds, *size)

    def run():
        occupancy = find(fit.params, *box)
        cameras = scene.cameras(views)
        return [render(fit.params, occupancy, *camera, *size).colours for camera in cameras]

    return run


def _products(fit, evaluations) -> Callable[[], object]:
    """The products of all layers at so many points, in chunks as large as the renderer's."""
    kernels = [fit.params[f"dense_{index}"]["kernel"] for index in range(DEPTH.value)]
    rows = chunk_size_for(fit.params)
    inputs = jax.random.normal(jax.random.key(0), (_DIFFERENT_CHUNKS, rows, len(kernels[0])))

    def chunk(number, _):
        x = inputs[number % _DIFFERENT_CHUNKS]
        for kernel in kernels:
            x = x @ kernel
        return x

    empty = jnp.zeros((rows, kernels[-1].shape[1]))
    run = jax.jit(lambda: lax.fori_loop(0, -(-evaluations // rows), chunk, empty))
    return lambda: jax.block_until_ready(run())


def main() -> None:
    """Prints the table, and records it if asked to."""
    report("render", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)

"""Signed distance fields of solids: from oriented point clouds, alone and meta-learned.

A field maps the coordinates of [−1, 1]³ to the signed distance to a solid, negative inside. It is
seen as points of its surface with normals, which a loss on values and gradients turns into a
distance field (Sitzmann et al., NeurIPS 2020), or as distances at points.

    metainr shapes --flagfile=quickstart --workdir=runs/shapes

A mesh or a cloud of one's own, from random weights or from a learned init:

    metainr shapes --algorithm=none --mesh_file=bunny.ply --test_steps=3000
    metainr shapes --init=runs/shapes --mesh_file=bunny.ply --workdir=runs/bunny

Meshes of the fits are written to the run's folder `fits`. Give the flagfile first: of repeated
flags the last one counts.
"""

from collections.abc import Collection
from functools import partial

import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.run import estimating, processes, shared_flags
from experiments.run.counts import Count
from experiments.run.reading import made, run_of
from experiments.solids import shapes_flags
from experiments.solids.meshes import check_trimesh
from experiments.solids.shapes_flags import ShapeOptions
from experiments.solids.shapes_partial import learned_from_sides
from experiments.solids.shapes_pictures import distance_grid, distances_at, shaded, write_surface
from metainr import signals
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr
from metainr.evaluation.surfaces import surface_metrics
from metainr.measurements import value, value_and_gradient
from metainr.numerics import Summation
from metainr.objectives import squared_error
from metainr.objectives.surfaces import (
    SolidSamples,
    cloud_points,
    distance_points,
    surface_loss,
)
from metainr.runs.as_data.frames import TRUNCATION
from metainr.runs.problem import Problem, Setting, matching_objective, spread_steps
from metainr.signals.access import split_by_split
from metainr.types import Array, Field, Key, Params, SignalClass, Task, Term

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(shapes_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "signal": "animals",
    "resolution": 96,
    "width": 256,
    "depth": 5,
    "omega": 30.0,
    "first_omega": 30.0,
    "output_offset": 0.5,  # all is outside at first; else blobs of a random field's inside remain
    "algorithm": "reptile",
    "inner_points": 2048,
    "inner_optimizer": "adam",
    "inner_learning_rate": 1e-4,
    "num_test": 16,
}
_RATES = {"adam": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3), "sgd": (1e-4, 3e-4, 1e-3)}
_CAPTION = (
    "Shaded surfaces. A fit without one counts as a Chamfer distance of 3.46, the diagonal of "
    "[−1, 1]³."
)


def build(config: Config[ShapeOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    signal_class = _signals(config)
    make_task = partial(_task, config.own.cloud_points)
    field = make_field(config.field, in_dim=3, out_dim=1)
    objective = _objective(config.own.shape_from, config.run.inner_points)

    def full(params: Params, cloud: signals.Cloud) -> dict[str, Array]:
        return _accuracy(field, params, cloud) | {
            "grid": distance_grid(field, params, config.own.grid)
        }

    def finish(measured, cloud):
        found = surface_metrics(measured["grid"], cloud.points, cloud.normals)
        return {"psnr": float(measured["psnr"])} | found

    def export(params, cloud, path):
        place = (cloud.centre, cloud.scale)
        write_surface(field, params, config.own.export_resolution, *place, path)

    setting = Setting(
        make_task=make_task,
        objective=objective,
        steps=spread_steps(config.run.test_steps),
        match_step=config.run.test_steps,
        metric="chamfer",
        score=Score(full, None, finish),
        view=lambda params, _: shaded(partial(distances_at, field, params), config.run.resolution),
        target=partial(_true_picture, config.own.cloud_points, config.run.resolution),
        caption=_CAPTION,
        export=export,
    )
    problem = Problem(
        field=field,
        signals=signal_class,
        make_task=make_task,
        inner=objective,
        query=objective,
        matching=matching_objective(field.apply, dim=3, low=-1.0),
        mean_support=lambda num: _pooled(
            [make_task(signal_class.get("train", i), None).support for i in range(num)]
        ),
        settings={"default": setting},
        validation=setting._replace(
            steps=(0, config.learner.inner_steps),
            score=Score(partial(_accuracy, field), None),
            metric="psnr",  # surfaces take too long to be extracted along the way
        ),
        rates=_RATES,
        value_range=None,
    )
    if config.run.train_seen is None:
        return problem
    sides, seed = int(config.run.train_seen), config.run.seed
    num_points = config.own.cloud_points // 2  # what one side shows of a solid, about
    return learned_from_sides(problem, signal_class, sides, num_points, TRUNCATION, seed)


def settle(values: Values, given: Collection[str]) -> Values:
    """A user's file or folder is a class of signals; one file can be fitted, not learned from."""
    check_trimesh()
    run, own = run_of(values), made(ShapeOptions, values)
    if run.inner_points < 2:
        raise UserError(
            f"--inner_points={run.inner_points} is too few: half of them are on the surface; "
            "give 2 at least, such as 2048"
        )
    if run.train_seen is not None and own.shape_from == "distance":
        raise UserError(
            f"--train_seen={run.train_seen:g} is a scan of a surface, and --shape_from=distance "
            "knows distances all round; give --shape_from=cloud"
        )
    if own.mesh_file and own.mesh_folder:
        raise UserError("--mesh_file and --mesh_folder both name the solids; give one of them")
    if own.mesh_folder:
        return {**values, "signal": "mesh_folder"}
    if not own.mesh_file:
        return values
    if run.learns:
        raise UserError(
            f"--mesh_file={own.mesh_file} is one solid, of which no init can be learned: give "
            "--algorithm=none, --init of a run, or --mesh_folder"
        )
    if values["tune"]:
        raise UserError("--tune needs more solids than that of --mesh_file; leave it out")
    return {**values, "signal": "mesh", "num_test": 1}


def _signals(config: Config[ShapeOptions]) -> SignalClass:
    """Solids; those of tests have points to measure by besides the ones that fits see."""

    def clouds(num_points):
        options = signals.CloudOptions(
            num_points,
            config.run.seed,
            config.own.mesh_file,
            config.own.mesh_folder,
            closed=config.own.shape_from == "distance",
        )
        return signals.make(config.run.signal, options)

    num_measured = max(config.own.cloud_points, config.own.measured_points or 0)
    tested = clouds(num_measured)
    if config.own.mesh_file or num_measured == config.own.cloud_points:
        return tested
    seen = clouds(config.own.cloud_points)
    return split_by_split({"train": seen, "validation": seen, "test": tested})


def _objective(shape_from, num_points):
    if shape_from == "cloud":
        return (Term(cloud_points(num_points), value_and_gradient(), surface_loss),)
    draw = distance_points(num_points, TRUNCATION)
    return (Term(draw, value(), squared_error, scale=1 / TRUNCATION**2),)


def _task(num: int, cloud: signals.Cloud, key: Key) -> Task:
    """Support and query are the first points and samples; the last half of these is for scores."""
    samples = SolidSamples(*(array[:num] for array in cloud[:4]))
    return Task(samples, samples)


def _pooled(supports):
    """All data of several solids: what is least wrong for all of them is their mean."""
    return SolidSamples(*(jnp.asarray(np.concatenate(leaves)) for leaves in zip(*supports)))


def _accuracy(field: Field, params: Params, cloud: signals.Cloud) -> dict[str, Array]:
    """PSNR of distances at unseen samples, cut off at ±0.1 and scaled from there to [0, 1]."""
    half = len(cloud.coords) // 2
    found = distances_at(field, params, cloud.coords[half:])
    return {"psnr": psnr(_scaled(found), _scaled(cloud.distances[half:]))}


def _scaled(distances):
    return jnp.clip(0.5 + distances / (2 * TRUNCATION), 0, 1)


def _true_picture(num, side, cloud):
    points, normals = (np.asarray(x[:num], np.float64) for x in (cloud.points, cloud.normals))
    return shaded(lambda coords: signals.tangent_distance(points, normals, coords), side)


EXPERIMENT = Experiment(
    "shapes",
    build,
    ShapeOptions,
    shapes_flags.OWN,
    _DEFAULTS,
    settle,
    Count("sides that each solid is scanned from", 1, 100),
)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))

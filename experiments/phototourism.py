"""Landmarks: learn an init for one place from photographs that differ in light and people.

A task is one photo. A field maps points of space to colour and density; inner steps fit what it
shows along random rays to that photo's pixels, and so adapt the place's shape and its look at once
(Tancik et al., CVPR 2021, section 4.4).

    metainr phototourism --flagfile=quickstart --workdir=runs/landmark

Give the flagfile first: of repeated flags the last one counts.
"""

import functools
from collections.abc import Collection

import jax
import jax.numpy as jnp
from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.media.sheets import arranged
from experiments.run import estimating, processes, shared_flags
from experiments.run.reading import made, run_of
from experiments.scenes import landmark_flags, ray_flags
from experiments.scenes.landmark_flags import PlaceOptions
from experiments.scenes.scenes import (
    Scenes,
    check_depth_factors,
    check_rays,
    depth_picture,
    pooled_views,
    scenes,
)
from metainr import signals
from metainr.cameras import Views
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr_of_mse
from metainr.numerics import Summation
from metainr.runs.problem import Problem, Setting, spread_steps
from metainr.types import Array, Field, Task

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(ray_flags)
flags.adopt_module_key_flags(landmark_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_BACKGROUND = "none"
_REACH = 2.0  # the box in which the matched init is matched
_DEFAULTS = {
    "signal": "facade",
    "resolution": 128,
    "field": "positional",
    "depth": 6,
    "output_offset": 0.0,
    "algorithm": "reptile",
    "inner_points": 64,
    "inner_learning_rate": 1.0,
    "inner_steps": 64,
    "outer_learning_rate": 5e-4,
    "tasks_per_step": 1,
    "train_steps": 150_000,
    "test_steps": 64,
    "num_test": 20,
    "num_validation": 5,
    "baseline_optimizer": "sgd",
    "baseline_learning_rate": 1.0,
}
_RATES = {"sgd": (0.3, 1.0, 3.0), "adam": (5e-4, 2e-3, 5e-3)}


def build(config: Config[PlaceOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    signal_class = signals.make(config.run.signal, options(config))
    field = make_field(config.field, in_dim=3, out_dim=4)
    parts = make_scenes(field, config, summation)

    def full(params, photo):
        error = jnp.square(parts.render(params, photo).colours - photo.images).mean(axis=-1)
        unseen = inside(photo, left_half=False)
        return {"psnr": psnr_of_mse(jnp.sum(unseen * error) / jnp.sum(unseen))}

    def view(params, photo):
        rendered = jax.tree.map(lambda x: x[0], parts.render(params, photo))
        pictures = (rendered.colours, depth_picture(rendered, photo.bounds[0]))
        return arranged([on_white(picture, inside(photo)[0]) for picture in pictures], columns=1)

    def target(photo):
        masks = (inside(photo), inside(photo, left_half=True))
        return arranged([on_white(photo.images[0], mask[0]) for mask in masks], columns=1)

    setting = Setting(
        make_task=lambda photo, key: _task(left_half(photo)),
        objective=parts.objective,
        steps=spread_steps(config.run.test_steps),
        match_step=config.run.test_steps,
        score=Score(full, None),
        view=view,
        target=target,
        caption=(
            "A fit's pictures: the whole photo as the fit shows it, and its depth, near dark. The "
            "target's: the photo, and the half of it that the fit saw."
        ),
    )
    return Problem(
        field=field,
        signals=signal_class,
        make_task=lambda photo, key: _task(photo),
        inner=parts.objective,
        query=parts.objective,
        matching=parts.matching,
        mean_support=functools.partial(pooled_views, signal_class),
        settings={"default": setting},
        validation=setting._replace(steps=(0, config.learner.inner_steps)),
        rates=_RATES,
    )


def make_scenes(field: Field, config: Config[PlaceOptions], summation: Summation) -> Scenes:
    """What fits and renders landmarks, before no background."""
    rays = (config.run.inner_points, config.own.ray_samples, config.own.density)
    return scenes(field, *rays, summation, _BACKGROUND, _REACH)


def left_half(photo: Views) -> Views:
    """The photo of which only the columns left of the middle count."""
    first_row, first_column, height, width = jnp.asarray(photo.windows).T
    windows = jnp.stack([first_row, first_column, height, width // 2], axis=-1)
    return photo._replace(windows=windows)


def inside(photo: Views, left_half: bool | None = None) -> Array:
    """Which pixels [v, h, w] are the photo's, not its padding: 1 or 0.

    left_half: True for those of its left half alone, False for those of its right half.
    """
    first_row, first_column, height, width = jnp.asarray(photo.windows).T[..., None, None]
    rows, columns = jnp.arange(photo.images.shape[1])[:, None], jnp.arange(photo.images.shape[2])
    row, column = rows[None] - first_row, columns[None, None] - first_column
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    if left_half is not None:
        is_inside &= (column < width // 2) == left_half
    return is_inside.astype(jnp.float32)


def on_white(picture: Array, mask: Array) -> Array:
    """A picture [h, w, 3], white where `mask` [h, w] is 0, as the page round it is."""
    return jnp.where(mask[..., None] > 0, picture, 1.0)


def _task(photo: Views) -> Task:
    return Task(photo, photo)


def options(config: Config[PlaceOptions]) -> signals.LandmarkOptions:
    """What the flags say of the photos."""
    run, own = config.run, config.own
    return signals.LandmarkOptions(
        run.resolution,
        run.seed,
        own.photo_folder,
        own.scene_scale,
        own.near_factor,
        own.far_factor,
    )


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of photos is a class of signals."""
    run, own = run_of(values), made(PlaceOptions, values)
    check_rays(run)
    check_depth_factors(own.near_factor, own.far_factor)
    if own.photo_folder is not None and run.signal == "facade":
        return {**values, "signal": "phototourism"}
    return values


EXPERIMENT = Experiment("phototourism", build, PlaceOptions, landmark_flags.OWN, _DEFAULTS, settle)


if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))

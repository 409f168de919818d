"""Image regression: learn an init for a class of images (Tancik et al., CVPR 2021, section 4.1).

A field maps pixel coordinates in [0, 1)² to colours; the inner loop fits it to all pixels of one
image, and the outer loss scores the same pixels.

    metainr image_regression --flagfile=quickstart --workdir=runs/quickstart

Give the flagfile first: of repeated flags the last one counts.
"""

from collections.abc import Collection

from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.images import image_flags, seen_flags
from experiments.images.image_flags import ImageFiles
from experiments.images.images import tell_of_ssim
from experiments.run import estimating, processes, shared_flags
from metainr import signals
from metainr.checks import Share
from metainr.numerics import Summation
from metainr.objectives import pixel_grid
from metainr.runs.partial import Grid, learned_from_points, tested_in_part
from metainr.runs.problem import Problem
from metainr.runs.regression import of_grid
from metainr.signals.partial import scattered

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(image_flags)
flags.adopt_module_key_flags(seen_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_UNITS = "pixels"


def build(config: Config[ImageFiles], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    run, own = config.run, config.own
    options = signals.ImageOptions(run.resolution, run.seed, own.image_folder, own.data_dir)
    signal_class = signals.make(run.signal, options)
    field = make_field(config.field, in_dim=2, out_dim=3)
    tell_of_ssim(run.resolution)
    shape = (run.resolution, run.resolution)
    problem = of_grid(
        field,
        signal_class,
        shape=shape,
        steps=tuple(range(run.test_steps + 1)),
        match_step=min(config.learner.inner_steps, run.test_steps),
        inner_steps=config.learner.inner_steps,
        inner_points=run.inner_points,
    )
    if run.train_seen is not None:
        places = scattered(run.resolution**2, run.train_seen, _UNITS)
        grid = Grid(pixel_grid(shape), shape, axes=2)
        problem = learned_from_points(
            problem, signal_class, places, grid, run.inner_points, run.seed
        )
    if own.test_seen is not None:
        problem = tested_in_part(problem, own.test_seen, shape, run.seed)
    return problem


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of pictures is a class of signals."""
    return values if values["image_folder"] is None else {**values, "signal": "folder"}


EXPERIMENT = Experiment(
    "image_regression",
    build,
    ImageFiles,
    seen_flags.WITH_SEEN,
    {"signal": "sdf"},
    settle,
    Share(_UNITS),
)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))

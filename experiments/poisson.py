"""Images recovered from their derivatives: a field fitted to gradients or Laplacians of a picture.

A field Φ on [−1, 1]² is held to the derivatives of a grey image, or to a tenth of its pixels
(Sitzmann et al., NeurIPS 2020, section 4 and supplement), and what is compared is Φ itself, the
constant that gradients and Laplacians leave free being set to the truth. One picture is fitted
from random weights, by one network or several:

    metainr poisson --flagfile=activations --workdir=runs/activations

and of a class of pictures an init is learned that fits the next one in a few steps:

    metainr poisson --flagfile=quickstart --workdir=runs/poisson

Give the flagfile first: of repeated flags the last one counts.
"""

from collections.abc import Collection

import jax
import jax.numpy as jnp
from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.images import image_flags
from experiments.images.images import tell_of_ssim
from experiments.pde import poisson_flags
from experiments.pde.flatness import warn_of_flatness
from experiments.pde.poisson_flags import PoissonOptions
from experiments.pde.poisson_setting import make_setting
from experiments.pde.supervision import REGISTRY
from experiments.run import estimating, processes, shared_flags
from experiments.run.reading import made, run_of
from metainr import signals
from metainr.checks import Share
from metainr.errors import UserError
from metainr.numerics import Summation
from metainr.objectives.derivatives import square_grid
from metainr.registry import look_up
from metainr.runs.partial import Grid, learned_from_points
from metainr.runs.problem import Problem, matching_objective
from metainr.runs.regression import mean_signal
from metainr.signals.images import grey_images
from metainr.signals.partial import scattered

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(image_flags)
flags.adopt_module_key_flags(poisson_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "resolution": 64,
    "omega": 30.0,
    "first_omega": 30.0,
    "output_offset": 0.0,
    "inner_learning_rate": 0.3,
    "inner_steps": 5,
    "outer_learning_rate": 3e-4,
}
_RATES = {"sgd": (1e-2, 1e-1, 3e-1, 1.0, 3.0), "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)}
_UNITS = "pixels"
_ALONE = signals.FAMILIES[signals.PictureOptions].classes


def build(config: Config[PoissonOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    run, own = config.run, config.own
    if run.resolution < 3:
        raise UserError(
            f"--resolution={run.resolution} has no differences of second order; give 3 or more"
        )
    ways = {name: look_up("supervision", name, REGISTRY)(run, own) for name in own.supervision}
    signal_class = _signals(config, max(way.num_pictures for way in ways.values()))
    field = make_field(config.field, in_dim=2, out_dim=1)
    for name, way in ways.items():
        if way.second is not None:
            warn_of_flatness(field, way.second, 2, f"--supervision={name}", config)
    settings = {f"supervision={name}": make_setting(field, way, run) for name, way in ways.items()}
    if len(settings) == 1:
        settings = {"default": settings.popitem()[1]}
    tell_of_ssim(run.resolution)
    # Several are compared without learning an init; what else is made is of the first.
    first, setting = next(iter(ways.values())), next(iter(settings.values()))

    problem = Problem(
        field=field,
        signals=signal_class,
        make_task=first.make_task,
        inner=first.inner,
        query=first.query,
        matching=matching_objective(field.apply, dim=2, low=-1.0),
        mean_support=lambda num: first.full_support(jnp.asarray(mean_signal(signal_class, num))),
        settings=settings,
        validation=setting._replace(steps=(0, config.learner.inner_steps)),
        rates=_RATES,
        value_range=2.0,
    )
    if run.train_seen is None:
        return problem
    shape = (run.resolution, run.resolution)
    return learned_from_points(
        problem,
        signal_class,
        scattered(run.resolution**2, run.train_seen, _UNITS),
        Grid(square_grid(shape), shape, axes=2),
        run.inner_points,
        run.seed,
        jax.jit(lambda pictures: first.full_support(pictures).values),
        first.inner,
        lambda params: field.apply(params, square_grid(shape)).reshape(*shape, 1),
        lambda observed: observed[..., :1],
    )


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder is a class, a picture of one's own is one alone; an init is learned for one task."""
    own = made(PoissonOptions, values)
    signal = values["signal"] or ("camera" if values["algorithm"] == "none" else "sdf")
    if own.image and own.image_folder is not None:
        raise UserError("--image and --image_folder both say what to fit; give one of them")
    if own.image or own.image_folder is not None:
        signal = "image" if own.image else "folder"
    settled = {**values, "signal": signal} | ({"num_test": 1} if signal in _ALONE else {})
    _check_alone(run_of(settled), own)
    return settled


def _check_alone(run, own):
    """Raises UserError if an init is to be learned of one picture, or for several tasks."""
    kinds = ",".join(own.supervision)
    if len(set(own.supervision)) < len(own.supervision):
        raise UserError(
            f"--supervision={kinds} is no list of different kinds; choose some of "
            f"{', '.join(REGISTRY)}"
        )
    if len(own.supervision) > 1 and run.learns:
        raise UserError(
            f"--supervision={kinds} are {len(own.supervision)} kinds, and an init is learned for "
            "one; leave one, or compare networks with --algorithm=none"
        )
    if run.signal in _ALONE and run.learns:
        given = f"--image={','.join(own.image)}" if own.image else f"--signal={run.signal}"
        raise UserError(
            f"{given} is a single picture, from which no init can be learned; give "
            "--algorithm=none, or --init of a finished run"
        )


def _signals(config, num_pictures):
    """The class of grey pictures, `num_pictures` in each signal."""
    run, own = config.run, config.own
    family = signals.FAMILIES[signals.ImageOptions]
    look_up(family.kind, run.signal, {**_ALONE, **family.classes})
    if own.image and len(own.image) != num_pictures:
        raise UserError(
            f"--image={','.join(own.image)} names {len(own.image)} pictures, and "
            f"--supervision={','.join(own.supervision)} needs {num_pictures}; give --image "
            "as many"
        )
    size_and_seed = run.resolution, run.seed
    if run.signal in _ALONE:
        options = signals.PictureOptions(*size_and_seed, num_pictures, tuple(own.image or ()))
        return signals.make(run.signal, options)
    options = signals.ImageOptions(*size_and_seed, own.image_folder, own.data_dir)
    return grey_images(signals.make(run.signal, options), num_pictures)


EXPERIMENT = Experiment(
    "poisson", build, PoissonOptions, poisson_flags.OWN, _DEFAULTS, settle, Share(_UNITS)
)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))

"""CT reconstruction: learn an init for slices that are seen as a few projections alone.

A field maps the coordinates of a slice in [0, 1)² to its density; inner steps fit the field's
projections to those measured (Tancik et al., CVPR 2021, section 4.2).

    metainr ct_reconstruction --flagfile=quickstart --workdir=runs/ct

With --sinogram it reconstructs a slice from measured projections, by the init of a finished run:

    metainr ct_reconstruction --init=runs/ct --sinogram=scan.npy --angles=0:180:8deg \\
      --workdir=runs/scan

Give the flagfile first: of repeated flags the last one counts.
"""

from collections.abc import Collection
from functools import partial

import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, spine
from experiments.config import Config, RunOptions, Values, make_field
from experiments.ct import ct_flags
from experiments.ct.beams import ALL_AROUND, classical, simulated, turn_of
from experiments.ct.ct_flags import CtOptions
from experiments.ct.ct_measured import reconstruct, slice_of
from experiments.ct.ct_partial import learned_from_views
from experiments.ct.ct_pictures import with_sinogram
from experiments.experiment import Experiment
from experiments.images.images import tell_of_ssim
from experiments.run import estimating, processes, shared_flags
from experiments.run.counts import Count
from experiments.run.reading import made, run_of
from metainr import signals
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import picture_metrics
from metainr.measurements import project, projection
from metainr.numerics import Summation
from metainr.objectives import Sinogram, all_views, random_views, squared_error
from metainr.runs.problem import Problem, Setting, matching_objective, spread_steps
from metainr.runs.regression import mean_signal
from metainr.types import Array, Key, Task, Term

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(ct_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "signal": "phantoms",
    "resolution": 256,
    "field": "fourier",
    "output_activation": "sigmoid",
    "output_offset": 0.0,
    "algorithm": "reptile",
    "inner_learning_rate": 10.0,
    "inner_steps": 12,
    "outer_learning_rate": 5e-5,
    "tasks_per_step": 1,
    "train_steps": 100_000,
    "baseline_optimizer": "sgd",
    "baseline_learning_rate": 10.0,
}
_RATES = {"sgd": (10.0,), "adam": (3e-4, 1e-3, 3e-3)}


def build(config: Config[CtOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    size, own = config.run.resolution, config.own
    signal_class = signals.make(config.run.signal, _options(config.run, own))
    field = make_field(config.field, in_dim=2, out_dim=1)
    detectors = simulated(own.geometry, own.source_distance, own.detector_shape, size)
    scan = partial(project, detectors=detectors, interpolation=own.interpolation)
    measurement = projection(size, detectors, own.interpolation)
    turn = turn_of(detectors)
    caption = "Below each slice: its projections, a row for each view."
    if own.geometry == "fan":
        caption = f"{caption} {ALL_AROUND}"

    def objective(draw):
        return (Term(draw, measurement, squared_error),)

    def setting(num_views, num_steps):
        angles = np.linspace(0, turn, num_views, endpoint=False, dtype=np.float32)

        def make_task(image: Array, key: Key) -> Task:
            sinogram = Sinogram(angles, scan(image[..., 0], angles), jnp.ones(num_views))
            return Task(sinogram, sinogram)

        def shown(image):
            return with_sinogram(image, scan(image, angles))

        def reference(method, image):
            found = jnp.asarray(method(np.asarray(scan(image[..., 0], angles))))
            return _metrics(found, image), shown(found)

        methods = classical(angles, detectors, size)
        return Setting(
            make_task=make_task,
            objective=objective(all_views()),
            steps=spread_steps(num_steps),
            match_step=num_steps,
            score=Score(lambda params, image: _metrics(slice_of(field, params, size), image), None),
            view=lambda params, image: shown(slice_of(field, params, size)),
            target=lambda image: shown(image[..., 0]),
            references={name: partial(reference, method) for name, method in methods.items()},
            caption=caption,
        )

    tell_of_ssim(size)
    drawn = objective(random_views(scan, own.train_views, turn))
    counts = dict(zip(own.views, own.view_steps, strict=True))
    settings = {f"views={views}": setting(views, steps) for views, steps in counts.items()}
    if len(settings) == 1:
        settings = {"default": settings.popitem()[1]}
    problem = Problem(
        field=field,
        signals=signal_class,
        make_task=lambda image, key: Task(image, image),
        inner=drawn,
        query=drawn,
        matching=matching_objective(field.apply, dim=2),
        mean_support=lambda num: jnp.asarray(mean_signal(signal_class, num)),
        settings=settings,
        validation=setting(own.train_views, 1)._replace(
            make_task=lambda image, key: Task(image, image),
            objective=drawn,
            steps=(0, config.learner.inner_steps),
        ),
        rates=_RATES,
        value_range=None,  # training sees projections, validation slices
    )
    if config.run.train_seen is None:
        return problem
    return learned_from_views(
        problem,
        signal_class,
        int(config.run.train_seen),
        scan,
        lambda params: slice_of(field, params, size),
        measurement,
        turn,
        own,
        config.run.seed,
    )


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of slices is a class of signals; every number of views has one of steps."""
    own = made(CtOptions, values)
    if len(own.views) != len(own.view_steps) or len(set(own.views)) < len(own.views):
        raise UserError(
            f"--views={','.join(values['views'])} and "
            f"--view_steps={','.join(values['view_steps'])} do not belong together; give one "
            "number of steps for each number of views"
        )
    if own.window and own.window[0] >= own.window[1]:
        raise UserError(
            f"--window={','.join(values['window'])} is no range; give LOW,HIGH, such as 0,1"
        )
    if own.slices is None:
        return values
    window = values["window"] or _percentiles(run_of(values), own)
    return {**values, "signal": "slices", "window": window}


def _percentiles(run, own):
    return [f"{bound:g}" for bound in signals.slice_window(_options(run, own))]


def _options(run: RunOptions, own: CtOptions) -> signals.SliceOptions:
    return signals.SliceOptions(
        run.resolution, run.seed, own.slices, own.slice_axis, own.window or None
    )


def _metrics(found, image):
    """Of a slice [n, n] against the true one [n, n, 1]."""
    return picture_metrics(found[..., None], image)


EXPERIMENT = Experiment(
    "ct_reconstruction",
    build,
    CtOptions,
    ct_flags.OWN,
    _DEFAULTS,
    settle,
    Count("projections of each slice", 2, 10_000),
)


def main() -> None:
    """Reconstructs measured projections if there are any, else learns, compares and reports."""
    if ct_flags.SINOGRAM.value is None:
        spine.run(EXPERIMENT)
    else:
        reconstruct(EXPERIMENT)


if __name__ == "__main__":
    cli.run(main)

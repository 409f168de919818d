"""Waves: fields that solve the Helmholtz and the wave equation, alone and from a learned init.

A field is fitted to nothing but its equation (Sitzmann et al., NeurIPS 2020, section 4.3): the
Helmholtz equation about a source, the waves being absorbed near the border, or the wave equation
of a pulse let go. Problems of a class differ in where their source lies. An init is learned for
steps on the equation; how well they solved it, training sees by solutions of other sources.

    metainr waves --flagfile=quickstart --workdir=runs/waves

One problem, from random weights or from the init of a finished run:

    metainr waves --flagfile=alone --source=0.1,-0.2 --workdir=runs/alone
    metainr waves --init=runs/waves --source=0.1,-0.2 --workdir=runs/from_init

WORKDIR/fits/ holds every fit as .npz: u and the reference, u[y, x] and complex of Helmholtz,
u[t, y, x] of waves, the coordinates along these axes by their names, and the source's (x, y).

Give the flagfile first: of repeated flags the last one counts.
"""

from collections.abc import Collection
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.media.grids import measured_steps
from experiments.pde import helmholtz, wave_equation, waves_flags
from experiments.pde.equation import check_resolution, magnitude
from experiments.pde.flatness import warn_of_flatness
from experiments.pde.waves_flags import WaveOptions
from experiments.run import estimating, processes, shared_flags
from experiments.run.reading import run_of
from metainr import signals
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr
from metainr.measurements import laplacian, value
from metainr.numerics import Summation
from metainr.objectives import image_samples, random_points, squared_error
from metainr.runs.problem import Problem, Setting, matching_objective
from metainr.types import Array, Key, Params, Task, Term

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(waves_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "resolution": 64,
    "width": 128,
    "depth": 4,
    "omega": 20.0,
    "first_omega": 10.0,
    "output_offset": 0.0,
    "inner_points": 1024,
    "inner_optimizer": "adam",
    "inner_steps": 10,
    "inner_learning_rate": 3e-4,
    "baseline_learning_rate": 3e-4,
    "num_test": 8,
}
_EQUATIONS = {"helmholtz": helmholtz.equation, "wave": wave_equation.equation}
_WIDTHS = {"helmholtz": 0.05, "wave": 0.1}
_RATES = {"sgd": (1e-3, 1e-2, 1e-1), "adam": (1e-4, 3e-4, 1e-3, 3e-3)}
_FEWEST_POINTS = 4


def build(config: Config[WaveOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    run, own = config.run, config.own
    if own.window_steps and own.equation != "wave":
        raise UserError(
            f"--window_steps={own.window_steps} is about time, which --equation="
            f"{own.equation} has not; leave it out or give --equation=wave"
        )
    check_resolution(run.resolution)
    equation = _EQUATIONS[own.equation](run, own)
    options = signals.SourceOptions(
        run.resolution,
        equation.solve,
        (*equation.grid.shape[:-1], equation.channels),
        equation.farthest,
        run.seed,
        own.source or (0.0, 0.0),
        solve_training=own.outer_loss == "solution",
    )
    signal_class = signals.make(run.signal, options)
    in_dim = equation.grid.shape[-1]
    field = make_field(config.field, in_dim, equation.channels)
    warn_of_flatness(field, laplacian(), in_dim, f"--equation={own.equation}", config)
    low, side = np.array(equation.low), np.subtract(equation.high, equation.low)

    def from_unit_cube(coords: Array) -> Array:
        """Coordinates of the domain, whose axes are not all alike, for those of [0, 1]^d."""
        return jnp.stack([low[i] + side[i] * coords[..., i] for i in range(in_dim)], -1)

    def solution(params: Params) -> Array:
        return field.apply(params, jnp.asarray(equation.grid))

    def make_task(source, key: Key) -> Task:
        return Task(source.position[None], source.position[None])

    def train_task(source, key: Key) -> Task:
        support = source.position[None]
        if own.outer_loss == "equation":
            return Task(support, support)
        return Task(support, image_samples(source.solution))

    def full(params, source):
        found, true = (equation.compared(s) for s in (solution(params), source.solution))
        peak = 2 * magnitude(true)
        error = jnp.linalg.norm((found - true).ravel()) / jnp.linalg.norm(true.ravel())
        return {"psnr": psnr(found / peak, true / peak), "relative_error": error}

    def export(params, source, path: Path):
        found = equation.values(np.asarray(solution(params)))
        true = equation.values(np.asarray(source.solution))
        np.savez(f"{path}.npz", **equation.axes, u=found, reference=true, source=source.position)

    query = drawn = equation.objective(0)
    if own.outer_loss == "solution":
        coords = equation.grid.reshape(-1, in_dim)
        draw = random_points(coords, min(run.inner_points, len(coords)))
        query = (Term(draw, value(), squared_error),)
    steps, match_step = measured_steps(config)
    setting = Setting(
        make_task=make_task,
        objective=equation.objective(own.window_steps),
        steps=steps,
        match_step=match_step,
        metric="relative_error",
        score=Score(full, None),
        view=lambda params, source: equation.picture(solution(params), source.solution),
        target=lambda source: equation.picture(source.solution, source.solution),
        caption=equation.caption,
        export=export,
    )
    return Problem(
        field=field,
        signals=signal_class,
        make_task=train_task,
        inner=drawn,
        query=query,
        matching=matching_objective(
            lambda params, coords: field.apply(params, from_unit_cube(coords)),
            in_dim,
            measurement=value()._replace(points=lambda coords: from_unit_cube(coords)[:, None]),
        ),
        # What is linear in its source has, on average, the solution of the average source.
        mean_support=lambda num: jnp.stack(
            [signal_class.get("train", i).position for i in range(num)]
        ),
        settings={"default": setting},
        validation=setting._replace(objective=drawn, steps=(0, config.learner.inner_steps)),
        rates=_RATES,
        value_range=None,
    )


def settle(values: Values, given: Collection[str]) -> Values:
    """One source is a class of its own, and what is solved alone unless the flags say otherwise."""
    alone = values["algorithm"] == "none" and values["init"] is None
    signal = values["signal"] or ("single" if alone else "sources")
    changes = {"signal": signal if values["source"] is None else "single"}
    if values["source_width"] is None:
        changes["source_width"] = _WIDTHS[values["equation"]]
    if changes["signal"] == "single":
        changes["num_test"] = 1
    settled = {**values, **changes}
    _check(run_of(settled))
    return settled


def _check(run):
    if run.inner_points < _FEWEST_POINTS:
        raise UserError(
            f"--inner_points={run.inner_points} draws too few points to see an equation at; "
            f"give at least {_FEWEST_POINTS}, such as 1024"
        )
    if run.signal == "single" and run.learns:
        raise UserError(
            "--signal=single is one problem and none to learn from; give --algorithm=none to solve "
            "it from random weights, or the --init of a run"
        )


EXPERIMENT = Experiment("waves", build, WaveOptions, waves_flags.OWN, _DEFAULTS, settle)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))

"""Slices from measured projections alone, by a learned init."""

import time
from pathlib import Path

import jax
import numpy as np

from experiments.config import Config, make_field
from experiments.ct import ct_flags
from experiments.ct.beams import ALL_AROUND, classical
from experiments.ct.ct_flags import CtOptions
from experiments.ct.ct_outputs import make_target, told, write_stacks
from experiments.ct.sinogram_io import Measured, description, read_sinogram
from experiments.experiment import Experiment
from experiments.run import shared_flags
from experiments.run.inits import as_init, read_init
from experiments.run.machine import make_machine
from metainr.errors import UserError
from metainr.evaluation.compare import entry
from metainr.evaluation.fitting import SLOTS
from metainr.files import why
from metainr.keys import branch
from metainr.measurements import project, projection
from metainr.objectives import all_views, squared_error
from metainr.output import say
from metainr.progress import progress
from metainr.reporting import to_text, write_json
from metainr.reporting.tables import Table
from metainr.runs.dead import warn_of_constant
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import standard_init
from metainr.runs.record import of_fits
from metainr.types import Array, Field, Params, Term

_FITTED = ("meta", "standard")


def reconstruct(experiment: Experiment) -> None:
    """Fits the projections that --sinogram holds, from --init and from random weights.

    Writes the slices as numbers, in the scan's units, and as a picture, and beside it what
    back-projection and SART make of the same projections. Without a true slice there is no PSNR:
    the error is that of the projections.
    """
    began = time.perf_counter()
    config = shared_flags.configuration(experiment)
    if config.run.init is None:
        raise UserError("--sinogram needs --init, the workdir of a finished run of this experiment")
    if not _is_free(Path(config.run.workdir)):
        raise UserError(f"--workdir={config.run.workdir} holds a run; name another folder")
    options = ct_flags.sinogram_options()
    target = make_target(options)
    measured = read_sinogram(options)
    source = read_init(config, experiment)
    config = source.config
    field = make_field(config.field, in_dim=2, out_dim=1)
    learned = as_init(source, field, config.run.init)
    say(f"{options.sinogram}: {description(measured, options.geometry)}")
    stacks = _stacks(config, measured, field, learned)
    if not np.isfinite(stacks["meta"]).all():
        raise UserError(
            f"the fit from --init={config.run.init} diverged; take fewer --test_steps, or an init "
            "that goes with a lower rate"
        )
    hypers = {name: learned.hyper for name in _FITTED}
    dead = warn_of_constant({n: stacks[n][..., None] for n in _FITTED}, hypers)
    errors = {name: _errors(config, measured, stack) for name, stack in stacks.items()}
    inits = {
        name: entry({"projection_error": found[:, None]}, hypers.get(name), name in dead)
        for name, found in errors.items()
    }
    scan = options._asdict() | {
        "slices": len(measured.sinograms),
        "views": len(measured.sinograms[0].angles),
        "side": measured.side,
        "unit": target.unit,
    }
    steps = [config.run.test_steps]
    record = of_fits(experiment.name, config.record, began, steps, inits) | scan
    directory = Path(config.run.workdir)
    try:
        files = write_stacks(directory, stacks, measured, target)
        write_json(directory / "reconstruction.json", record)
    except OSError as error:
        raise UserError(f"cannot write to --workdir={directory}: {why(error)}") from error
    rows = tuple((name, f"{found.mean():.2e}") for name, found in errors.items())
    say(to_text(Table("Error left in the projections", ("by", "mean square"), rows)))
    say(f"written to {directory}: {', '.join([*files, 'reconstruction.json'])}")
    say(told(measured, target))


def _is_free(directory):
    return not (directory / "config.json").exists()


def _stacks(config, measured, field, learned) -> dict[str, np.ndarray]:
    """The slices [k, n, n] as each method has them."""
    size = config.run.resolution
    measurement = projection(size, measured.detectors, config.own.interpolation)
    objective = (Term(all_views(), measurement, squared_error),)
    root, sinograms = jax.random.key(config.run.seed), measured.sinograms
    inits = {"meta": learned, "standard": standard_init(field, learned.hyper, root)}
    contenders = make_contenders(inits, field, objective, make_machine(config))
    stacks = {name: [] for name in _FITTED}
    with progress(len(sinograms), "slice", leave=False) as bar:
        for begin in range(0, len(sinograms), SLOTS):
            some = sinograms[begin : begin + SLOTS]
            fits = fit(contenders, some, branch(root, "test"), config.run.test_steps)
            for name, params in fits.items():
                stacks[name] += [slice_of(field, one, size) for one in params]
            bar.update(len(some))
    methods = classical(sinograms[0].angles, measured.detectors, size)
    if not methods:
        say(ALL_AROUND)
    found = {name: [method(one.values) for one in sinograms] for name, method in methods.items()}
    return {name: np.stack(slices) for name, slices in (stacks | found).items()}


def slice_of(field: Field, params: Params, size: int) -> Array:
    """The slice [n, n] that a field stands for."""
    # Behind the barrier XLA does not work out a network's first layers while it compiles.
    grid = jax.lax.optimization_barrier(projection(size).points(None))
    return field.apply(params, grid[:, 0]).reshape(size, size)


def _errors(config: Config[CtOptions], measured: Measured, stack: np.ndarray) -> np.ndarray:
    """Mean squared errors [k] of the projections of slices [k, n, n]."""
    angles, how = measured.sinograms[0].angles, config.own.interpolation
    found = [project(image, angles, measured.detectors, how) for image in stack]
    return np.array(
        [np.mean(np.square(one - true.values)) for one, true in zip(found, measured.sinograms)]
    )

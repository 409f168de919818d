"""A slice from measured projections alone, by a learned init."""

import io
import time
from pathlib import Path

import jax
import numpy as np

from experiments.config import Config, make_field
from experiments.ct import ct_flags
from experiments.ct.ct_flags import CtOptions
from experiments.ct.sinogram_io import Measured, SinogramOptions, read_sinogram
from experiments.experiment import Experiment
from experiments.fitting.pictures_io import encode_png, quantised
from experiments.run import shared_flags
from experiments.run.inits import as_init, read_init
from experiments.run.machine import make_machine
from metainr.errors import UserError
from metainr.evaluation.compare import entry
from metainr.evaluation.ct_baselines import filtered_back_projection, sart
from metainr.files import why, write_bytes
from metainr.keys import branch
from metainr.measurements import project, projection
from metainr.objectives import all_views, squared_error
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.samples import to_levels
from metainr.reporting.tables import Table
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import standard_init
from metainr.runs.record import of_fits
from metainr.types import Array, Field, Params, Term


def reconstruct(experiment: Experiment) -> None:
    """Fits the projections that --sinogram holds, from --init and from random weights.

    Writes the slice as numbers, in the scan's units, and as a picture, and beside it what
    back-projection and SART make of the same projections. Without a true slice there is no PSNR:
    the error is that of the projections.
    """
    began = time.perf_counter()
    config = shared_flags.configuration(experiment)
    if config.run.init is None:
        raise UserError("--sinogram needs --init, the workdir of a finished run of this experiment")
    if not _is_free(Path(config.run.workdir)):
        raise UserError(f"--workdir={config.run.workdir} holds a run; name another folder")
    measured = _read()
    source = read_init(config, experiment)
    config = source.config
    field = make_field(config.field, in_dim=2, out_dim=1)
    learned = as_init(source, field, config.run.init)
    slices = _slices(config, measured, field, learned)
    errors = {name: _error(config, measured, image) for name, image in slices.items()}
    directory = Path(config.run.workdir)
    try:
        _write(directory, slices, measured)
        scan = {
            "sinogram": ct_flags.SINOGRAM.value,
            "views": len(measured.sinogram.angles),
            "white": measured.white,
            "side": measured.side,
        }
        inits = {
            name: entry(
                {"projection_error": np.array([[error]])},
                learned.hyper if name in ("meta", "standard") else None,
            )
            for name, error in errors.items()
        }
        steps = [config.run.test_steps]
        record = of_fits(experiment.name, config.record, began, steps, inits) | scan
        write_json(directory / "reconstruction.json", record)
    except OSError as error:
        raise UserError(f"cannot write to --workdir={directory}: {why(error)}") from error
    rows = tuple((name, f"{error:.2e}") for name, error in errors.items())
    say(to_text(Table("Error left in the projections", ("by", "mean square"), rows)))
    files = "reconstruction.npy, reconstruction.png, comparison.png, reconstruction.json"
    say(f"written to {directory}: {files}")
    say(
        "reconstruction.npy is attenuation per unit of length, in which the square's side is "
        f"{measured.side:g}; white in the pictures is {measured.white:g}"
    )


def _read():
    names = ("angles", "spacing", "side", "offset", "blank", "white", "geometry")
    values = {name: getattr(ct_flags, name.upper()).value for name in names}
    return read_sinogram(SinogramOptions(ct_flags.SINOGRAM.value, **values))


def _is_free(directory):
    return not (directory / "config.json").exists()


def _slices(config, measured, field, learned) -> dict[str, np.ndarray]:
    """The slice [n, n] as each method has it."""
    size = config.run.resolution
    measurement = projection(size, measured.detectors, config.own.interpolation)
    objective = (Term(all_views(), measurement, squared_error),)
    root, sinogram = jax.random.key(config.run.seed), measured.sinogram
    inits = {"meta": learned, "standard": standard_init(field, learned.hyper, root)}
    contenders = make_contenders(inits, field, objective, make_machine(config))
    fits = fit(contenders, [sinogram], branch(root, "test"), config.run.test_steps)
    classical = (sinogram.angles, sinogram.values, size, measured.detectors)
    return {
        **{name: np.asarray(slice_of(field, params, size)) for name, [params] in fits.items()},
        "FBP": filtered_back_projection(*classical),
        "SART": sart(*classical),
    }


def slice_of(field: Field, params: Params, size: int) -> Array:
    """The slice [n, n] that a field stands for."""
    # Behind the barrier XLA does not work out a network's first layers while it compiles.
    grid = jax.lax.optimization_barrier(projection(size).points(None))
    return field.apply(params, grid[:, 0]).reshape(size, size)


def _error(config: Config[CtOptions], measured: Measured, image: np.ndarray) -> float:
    sinogram = measured.sinogram
    found = project(image, sinogram.angles, measured.detectors, config.own.interpolation)
    return float(np.mean(np.square(found - sinogram.values)))


def _write(directory, slices, measured):
    buffer = io.BytesIO()
    np.save(buffer, measured.white * slices["meta"])
    write_bytes(directory / "reconstruction.npy", buffer.getvalue())
    grey = slices["meta"][..., None]
    write_bytes(directory / "reconstruction.png", encode_png(quantised(grey, 16, True)))
    values = np.asarray(measured.sinogram.values)
    size = len(grey)
    rows = np.arange(size) * len(values) // size
    columns = np.arange(size) * values.shape[1] // size
    shown = {"projections": (values / values.max())[rows][:, columns], **slices}
    pictures = [to_levels(image) for image in shown.values()]
    figure = pictures_figure(list(shown), [(f"{len(values)} views", pictures)])
    save_figure(figure, directory / "comparison.png")

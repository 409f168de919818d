"""What fits of one picture and of a folder have in common: inits, streams, the output folder."""

import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments import image_regression
from experiments.config import Config
from experiments.fitting.fit_inputs import Target
from experiments.fitting.fit_options import FitOptions
from experiments.fitting.fit_outputs import weights_file
from experiments.fitting.tile_fits import (
    SLOTS,
    PictureFit,
    divergence,
    make_tile_stream,
    put_together,
    tile_requests,
)
from experiments.images.image_flags import ImageFiles
from experiments.run.inits import weights_record
from experiments.run.machine import make_machine, make_mesh
from metainr.errors import UserError
from metainr.evaluation.ahead import map_ahead
from metainr.files import why
from metainr.keys import branch
from metainr.runs.fits import finish_of, make_contenders
from metainr.runs.inits import Init, standard_init
from metainr.runs.regression import grid_objectives
from metainr.runs.saved import write_saved
from metainr.types import Contender, Field

_THREADS = 4


class Job(NamedTuple):
    """What the flags ask for.

    options: of the fits.
    config: the init's, with what the command line says of fits.
    learned, field: the init, and what it is an init of.
    record: the values of the flags that matter, by name.
    """

    options: FitOptions
    config: Config[ImageFiles]
    learned: Init
    field: Field
    record: dict[str, Any]


class Failure(NamedTuple):
    """Why a picture has no fit, in one line."""

    reason: str


def contenders(job: Job) -> dict[str, Contender]:
    """The inits to fit from, by name: the learned one and, with --compare, the standard one."""
    run = job.config.run
    shape = (run.resolution, run.resolution)
    objective, _ = grid_objectives(shape, run.inner_points)
    machine, inits = make_machine(job.config), {"meta": job.learned}
    if job.options.compare:
        root = jax.random.key(run.seed)
        inits["standard"] = standard_init(job.field, job.config.test.baseline, root)
    finish = finish_of(job.config.test)
    return make_contenders(inits, job.field, objective, machine, finish=finish)


def fitted(
    job: Job,
    targets: Iterable[Target],
    directory: Path,
    *,
    is_partial: bool,
    slots: int = SLOTS,
    tile_done: Callable[[], Any] = lambda: None,
) -> Generator[tuple[Target, dict[str, PictureFit] | Failure], None, None]:
    """Yields every target, in order, with its fits by init or the reason that there are none.

    The weights of those from the learned init are written as they come. Tiles of all targets
    stream through the same slots; what is held at a time does not grow with their number.

    Args:
        job: what the flags ask for.
        targets: what to fit, read as it is needed.
        directory: where weights are written.
        is_partial: whether any target has unseen pixels.
        slots: tiles fitted side by side.
        tile_done: called after each tile.
    """
    inits = contenders(job)
    tiles, has_failed = [], False
    for target, fits in _fitted_tiles(job, inits, targets, directory, is_partial, slots):
        tile_done()
        tiles.append(fits)
        if isinstance(fits, Failure) and not has_failed:
            yield target, fits
            has_failed = True
        if len(tiles) == target.num_tiles:
            if not has_failed:
                yield target, _joined(tiles, target, job.options.steps)
            tiles, has_failed = [], False


def _fitted_tiles(job, inits, targets, directory, is_partial, slots):
    """Yields (target, fits by init or a Failure) of every tile, its weights being written."""
    options, run = job.options, job.config.run
    stream = make_tile_stream(
        job.field,
        run.resolution,
        run.inner_points,
        is_partial=is_partial,
        scale=options.scale,
        slots=slots,
        mesh=make_mesh(job.config),
    )
    record = weights_record(job.config, image_regression.EXPERIMENT)

    def keep(item):
        (target, index), fits = item
        fits = dict(zip(inits, fits))
        if failure := _failure(fits, inits):
            return target, failure
        file = weights_file(target.name, options.mode, divmod(index, target.tiling.columns))
        write_saved(directory / file, fits["meta"].params, record)
        return target, {init: fit._replace(params=None) for init, fit in fits.items()}

    requests = (
        request._replace(tag=(target, request.tag))
        for target in targets
        for request in tile_requests(target.observed, target.tiling, options.steps, target.number)
    )
    fits = stream(list(inits.values()), requests, branch(jax.random.key(run.seed), "test"))
    return map_ahead(keep, fits, _THREADS, slots)


def made_folder(path: str) -> Path:
    """The folder --output_dir, made if it is missing. Raises UserError if it is not writable."""
    directory = Path(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise unwritable(directory, error) from error


def unwritable(directory: Path, error: OSError) -> UserError:
    """The one line that tells why nothing can be written."""
    return UserError(f"cannot write to --output_dir={directory}: {why(error)}")


def _joined(tiles, target, num_steps):
    return {
        init: put_together(
            [fits[init] for fits in tiles], target.observed, target.tiling, num_steps
        )
        for init in tiles[0]
    }


def _failure(fits, inits):
    """Which fit of a tile diverged, when, and what may help; None if none did."""
    for init, fit in fits.items():
        step = divergence(fit)
        if step is None:
            continue
        how, rate = inits[init].hyper
        if init == "standard":
            return Failure(
                f"from the standard init {how} diverged at step {step}; lower "
                f"--baseline_learning_rate={rate}"
            )
        return Failure(
            f"from the learned init {how} with --inner_learning_rate={rate} diverged at step "
            f"{step}; take fewer --steps, or an init that goes with a lower rate"
        )
    return None

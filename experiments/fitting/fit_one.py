"""Fits of one picture: what `experiments.fit` prints and writes if --input is a file."""

import contextlib
import time
from pathlib import Path

from absl import logging

from experiments.fitting import fit_outputs
from experiments.fitting.fit_inputs import Target, open_picture
from experiments.fitting.fit_setup import Failure, Job, contenders, fitted, made_folder, unwritable
from experiments.fitting.tile_fits import SLOTS
from experiments.fitting.tiles import cut
from metainr.errors import UserError
from metainr.output import say
from metainr.progress import progress
from metainr.reporting import to_text
from metainr.runs.dead import warn_of_constant
from metainr.runs.record import of_fits
from metainr.runs.saved import FITTED

_WEIGHTS = {"resize": FITTED, "tile": "weights/"}


def fit_one(job: Job) -> None:
    """Fits, prints and writes."""
    began = time.perf_counter()
    options = job.options
    target = open_picture(options, job.config.run)
    tiling = target.tiling
    _check_apart(options)
    directory = made_folder(options.output_dir)
    say(_description(options, target))
    try:
        fits, inits = _fits(job, target, directory), contenders(job)
        hypers = {name: inits[name].hyper for name in fits}
        dead = warn_of_constant({name: [fit.picture] for name, fit in fits.items()}, hypers)
        say(to_text(fit_outputs.psnr_table(fits)))
        _warn_of_unseen(fits["meta"], job.record["inner_points"])
        files = fit_outputs.write_pictures(directory, fits, target, options.scale)
        files[_WEIGHTS[options.mode]] = {}
        results = of_fits("fit", job.record, began) | {
            "tiles": tiling._asdict() | {name: getattr(tiling, name) for name in ("top", "left")},
            "settings": fit_outputs.settings(fits, hypers, dead),
            "files": files,
        }
        files |= dict.fromkeys(fit_outputs.write_numbers(directory, results), {})
        say(f"written to {directory}: {fit_outputs.listing(files)}")
    except OSError as error:
        raise unwritable(directory, error) from error


def _check_apart(options):
    for name in ("input", "mask"):
        given = getattr(options, name)
        if given is not None and Path(given).resolve().parent == Path(options.output_dir).resolve():
            raise UserError(
                f"--output_dir={options.output_dir} holds --{name}={given}, which might be "
                "overwritten; name another folder"
            )


def _fits(job, target, directory):
    with progress(target.num_tiles, "tile", leave=False) as bar:
        fitting = fitted(
            job,
            [target],
            directory,
            is_partial=not target.observed.seen.all(),
            slots=min(SLOTS, target.num_tiles),
            tile_done=bar.update,
        )
        with contextlib.closing(fitting):  # after a failure the other tiles need no fit
            _, fits = next(fitting)
    if isinstance(fits, Failure):
        raise UserError(fits.reason)
    return fits


def _warn_of_unseen(fit, inner_points):
    """Says why unseen pixels got worse, if they did by an init that was learned on all pixels."""
    unseen = fit.psnr.get("unseen")
    if unseen is not None and unseen[-1] < unseen[0] and not inner_points:
        logging.warning(
            "Unseen pixels ended farther from the picture than they began: this init was learned "
            "on all pixels. One that is learned with --inner_points, and with --omega=30 "
            "--first_omega=30 or so, fills in what it does not see."
        )


def _description(options, target: Target):
    source, observed = target.source, target.observed
    height, width = source.values.shape[:2]
    kind = f"{source.bits}-bit {'grey' if source.is_grey else 'colours'}"
    alpha = ", its transparency laid on white" if source.has_alpha else ""
    side, num_tiles = target.tiling.side, target.num_tiles
    aim = f"{target.tiling.width} × {target.tiling.height}"
    if options.mode == "tile":
        aim = f"{num_tiles} {'tile' if num_tiles == 1 else 'tiles'} of {side} × {side}"
    lines = [f"{options.input}: {width} × {height} pixels, {kind}{alpha}; fitted as {aim}"]
    if not observed.seen.all():
        lines.append(f"seen: {observed.seen.sum()} of {observed.seen.size} pixels")
    blank = int((~cut(observed.seen, target.tiling).any(axis=(1, 2))).sum())
    if blank:
        lines.append(f"of {num_tiles} tiles {blank} show no seen pixel: there the init is kept")
    return "\n".join(lines)

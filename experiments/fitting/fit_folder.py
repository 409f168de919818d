"""Fits of all pictures of a folder: what `experiments.fit` does if --input is one.

Pictures are read, fitted and written at the same time, a bounded number of each. What is finished
stands in results.jsonl; a run that goes on skips it.
"""

import contextlib
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from absl import logging

from experiments.cli import command
from experiments.fitting import fit_outputs
from experiments.fitting.fit_inputs import Target, listed, names_in_folder, open_in_folder
from experiments.fitting.fit_options import FitOptions
from experiments.fitting.fit_page import write_page
from experiments.fitting.fit_record import Outcome, Record
from experiments.fitting.fit_setup import Failure, Job, contenders, fitted, made_folder, unwritable
from experiments.fitting.fit_summary import Course, results, summary
from experiments.fitting.tile_fits import SLOTS, PictureFit
from metainr.errors import UserError
from metainr.evaluation.ahead import map_ahead
from metainr.files import remove_unfinished
from metainr.output import say
from metainr.progress import progress
from metainr.runs.dead import is_constant, tell_of_constant
from metainr.training.interrupts import Interrupted
from metainr.training.workdir import open_workdir, recorded_flags
from metainr.weights import fingerprint
from metainr.weights.naming import shown

_THREADS = 4
_READ_AHEAD = {"resize": 2 * SLOTS, "tile": 2}  # pictures; those for tiles are held at full size
_WRITTEN_BEHIND = 8  # pictures
_CHANGEABLE = ("output_dir", "num_devices")


def fit_folder(job: Job) -> None:
    """Fits what is not fitted yet, writes means and curves over all pictures, and sums up.

    Raises UserError if a fit diverged, once all else is done, and Interrupted by Ctrl-C or SIGTERM.
    """
    options = job.options
    _check_apart(options)
    names = names_in_folder(options)
    chosen = set(names)
    directory = made_folder(options.output_dir)
    try:
        identity = _identity(job)
        # A folder may be older than some flags; those that nobody sets then have no effect.
        newer = identity.keys() - recorded_flags(directory).keys() - job.config.run.given
        changeable = {*_CHANGEABLE, *newer}
        with open_workdir(directory, identity, changeable, flag="output_dir"):
            remove_unfinished(directory)
            with Record(directory) as record, _interruptible(record, names):
                course = _fit(job, names, record, directory)
                outcome = record.outcome(chosen)
            _warn(course.unreadable, names, options)
            _warn_of_dead(job, outcome)
            found = results(job, outcome, course) | {"command": command()}
            fit_outputs.write_numbers(directory, found)
            entries = (entry for entry in record.entries() if entry["name"] in chosen)
            write_page(directory, entries, course.unreadable, found)
    except OSError as error:
        raise unwritable(directory, error) from error
    say(summary(outcome, course, directory))
    if outcome.failed:
        raise UserError(
            f"{len(outcome.failed)} of {len(names)} pictures diverged and have no files: "
            f"{listed(outcome.failed)}; results.jsonl says when, and what may help"
        )


def _check_apart(options: FitOptions) -> None:
    """Keeps what is written out of what is read, and masks out of the pictures to fit."""
    kept_apart = (
        ("output_dir", "input"), ("input", "output_dir"),
        ("output_dir", "mask"), ("mask", "output_dir"), ("mask", "input"),
    )  # fmt: skip
    for inner, outer in kept_apart:
        given = [getattr(options, name) for name in (inner, outer)]
        if None in given:
            continue
        if Path(given[0]).resolve().is_relative_to(Path(given[1]).resolve()):
            raise UserError(
                f"--{inner}={given[0]} lies in --{outer}={given[1]}; name folders beside each other"
            )


def _identity(job: Job) -> dict[str, Any]:
    """The flags that a run must share to go on: paths made absolute, the init's by its content."""
    paths = ("input", "mask", "init")
    given = {name: job.record[name] for name in paths if job.record[name] is not None}
    absolute = {name: str(Path(path).resolve()) for name, path in given.items()}
    absolute["init"] += f" (weights {fingerprint(job.learned.meta_params)})"
    return job.record | absolute


def _fit(job: Job, names: list[str], record: Record, directory: Path) -> Course:
    """Fits and writes every picture that has no line in the record yet."""
    options, unreadable = job.options, {}
    finished = {entry["name"] for entry in record.entries()}
    left = [name for name in names if name not in finished]
    fitting = fitted(
        job,
        _targets(left, job, unreadable),
        directory,
        is_partial=options.mask is not None or (options.keep or 1) < 1,
    )
    write = _writer(record, directory, options.scale)
    began, pictures, fields = time.perf_counter(), 0, 0
    before = len(names) - len(left)
    with (
        contextlib.closing(map_ahead(write, fitting, _THREADS, _WRITTEN_BEHIND)) as written,
        progress(len(names), "picture", initial=before) as bar,
    ):
        for num_fields in written:
            pictures, fields = pictures + 1, fields + num_fields
            bar.update()
    return Course(pictures, fields, time.perf_counter() - began, unreadable)


@contextlib.contextmanager
def _interruptible(record: Record, names: list[str]) -> Iterator[None]:
    """Turns Ctrl-C and SIGTERM into one line that says how far the fits came."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        num_done = len({entry["name"] for entry in record.entries()} & set(names))
        raise Interrupted(
            f"stopped after {num_done} of {len(names)} pictures; run the same command again to go "
            "on",
            interrupt.args[0] if interrupt.args else signal.SIGINT,
        ) from interrupt


def _targets(names: Iterable[str], job: Job, unreadable: dict[str, str]) -> Iterator[Target]:
    """Yields the pictures as they are read, ahead of who needs them; notes what cannot be."""

    def read(name):
        try:
            return open_in_folder(name, job.options, job.config.run)
        except UserError as error:
            return name, str(error)

    for found in map_ahead(read, names, _THREADS, _READ_AHEAD[job.options.mode]):
        if isinstance(found, Target):
            yield found
        else:
            unreadable.update([found])


def _writer(record, directory, scale):
    """A picture's fits -> their number of fields, once they and then their line are written."""

    def write(item: tuple[Target, dict[str, PictureFit] | Failure]) -> int:
        target, fits = item
        if isinstance(fits, Failure):
            record.add({"name": target.name, "failed": fits.reason})
            return target.num_tiles
        files = fit_outputs.write_pictures(directory, fits, target, scale)
        kinds = next(iter(fits.values())).psnr
        record.add(
            {
                "name": target.name,
                "seconds": round(sum(fit.seconds for fit in fits.values()), 6),
                "tiles": target.num_tiles,
                "psnr": {
                    kind: {init: fit_outputs.finite(fit.psnr[kind]) for init, fit in fits.items()}
                    for kind in kinds
                },
                "dead": [init for init, fit in fits.items() if is_constant(fit.picture)],
                "files": {
                    file: dict(zip(psnr, fit_outputs.finite(psnr.values())))
                    for file, psnr in files.items()
                },
            }
        )
        return target.num_tiles * len(fits)

    return write


def _warn(unreadable: Mapping[str, str], names: list[str], options: FitOptions) -> None:
    """Says which pictures were left out. Raises UserError if that is all there are."""
    if not unreadable:
        return
    what = f"{len(unreadable)} of {len(names)} pictures: {listed(sorted(unreadable))}"
    why = f"of the first, {shown(unreadable[min(unreadable)], 300)}"
    if len(unreadable) == len(names):
        raise UserError(f"--input={options.input}: cannot fit {what} ({why})")
    logging.warning("%s: skipped %s (%s)", options.input, what, why)


def _warn_of_dead(job: Job, outcome: Outcome) -> None:
    """Says which fits are one colour, a warning for each init."""
    for init, names in outcome.dead.items():
        where = f"{len(names)} of {outcome.num_fitted} pictures: {listed(sorted(names))}"
        tell_of_constant({init: contenders(job)[init].hyper}, where)

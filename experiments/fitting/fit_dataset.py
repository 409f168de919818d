"""Fits of a class as a data set of fields: what `experiments.fit` does with --as_dataset."""

import math
import signal
from pathlib import Path

import numpy as np

from experiments import image_regression
from experiments.config import Config
from experiments.fitting.fit_setup import Job
from experiments.images.image_flags import ImageFiles
from experiments.run import shared_flags
from experiments.run.machine import make_machine
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.runs.reading_fields import FieldSet
from metainr.runs.run import Run
from metainr.runs.writing_fields import write_fields
from metainr.signals.access import SPLITS
from metainr.training.interrupts import Interrupted

GENERATED = "class:"
"""What --input begins with if it names a class of signals."""

_SOURCE = ("signal", "image_folder", "data_dir", "seed", "resolution")


def fit_dataset(job: Job, steps: int | None) -> None:
    """Fits every signal of a folder or a class, writes the set and says what it holds.

    `steps`: None: as many as the init was learned for. Raises UserError if options of the command
    line are for pictures, and Interrupted by Ctrl-C or SIGTERM.
    """
    _check_alone(job)
    config = _with_class(job)
    problem = image_regression.build(config, make_machine(config).summation)
    names = ("experiment", *shared_flags.init_flags(image_regression.EXPERIMENT))
    record = {name: config.record[name] for name in names}
    record["algorithm"] = job.learned.learner.algorithm
    side = config.run.resolution
    run = Run(job.field, job.learned, problem, (side, side), record)
    source = {name: config.record[name] for name in _SOURCE}
    try:
        fields = write_fields(
            run,
            problem.signals,
            job.options.as_dataset or "",
            steps=steps,
            sizes=dict(zip(SPLITS, job.options.sizes)),
            seed=config.run.seed,
            source=source,
        )
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "stopped; run the same command again to go on",
            interrupt.args[0] if interrupt.args else signal.SIGINT,
        ) from interrupt
    say(_summary(fields, job))


def _check_alone(job: Job) -> None:
    options = job.options
    given = {
        "output_dir": options.output_dir, "mask": options.mask, "keep": options.keep,
        "mode": options.mode if options.mode != "resize" else None,
        "scale": options.scale if options.scale != 1 else None,
        "compare": options.compare or None,
    }  # fmt: skip
    for name, value in given.items():
        if value is not None:
            raise UserError(
                f"--{name}={value} is of pictures that are fitted, and --as_dataset="
                f"{options.as_dataset} writes a data set of whole signals; leave one of them out"
            )
    if options.input.startswith(GENERATED):
        return
    if not Path(options.input).is_dir():
        raise UserError(
            f"--input={options.input} is no folder; a data set is written of a folder of pictures, "
            f"or of a class of signals such as {GENERATED}sdf"
        )
    inner, outer = (expanded(path).resolve() for path in (options.as_dataset, options.input))
    if inner.is_relative_to(outer):
        raise UserError(
            f"--as_dataset={options.as_dataset} lies in --input={options.input}; name a folder "
            "beside it"
        )


def _with_class(job: Job) -> Config[ImageFiles]:
    """The init's configuration with the class that --input names."""
    given = job.options.input
    is_class = given.startswith(GENERATED)
    values = {
        **job.config.record,
        "signal": given.removeprefix(GENERATED) if is_class else "folder",
        "image_folder": None if is_class else str(expanded(given).resolve()),
    }
    run = job.config.run._replace(signal=values["signal"])
    own = job.config.own._replace(image_folder=values["image_folder"])
    return job.config._replace(run=run, own=own, record=values)


def _summary(fields: FieldSet, job: Job) -> str:
    counts = ", ".join(f"{len(rows)} {split}" for split, rows in fields.splits.items())
    reached = [rows.psnr for rows in fields.splits.values() if len(rows)]
    mean = float(np.mean(np.concatenate(reached)))
    psnr = "" if math.isnan(mean) else f", mean PSNR of the fits {mean:.2f} dB"
    classes = f", {len(fields.about.classes)} classes" if fields.about.classes else ""
    return (
        f"fields of {fields.about.size} numbers after {fields.about.steps} steps: {counts}"
        f"{classes}{psnr}; written to {job.options.as_dataset}"
    )

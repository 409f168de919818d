"""Fits of a class as a data set of fields: what `experiments.fit` does with --as_dataset."""

import math
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.config import Config
from experiments.experiment import Experiment
from experiments.fitting.fit_options import FitOptions
from experiments.kinds import EXPERIMENTS
from experiments.run import shared_flags
from experiments.run.finished import experiment_of
from experiments.run.inits import Source, as_init, config_of_file, read_init
from experiments.run.machine import make_machine
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.runs.as_data.reading import FieldSet
from metainr.runs.as_data.writing import write_fields
from metainr.runs.loading import IMAGES
from metainr.runs.run import Run
from metainr.runs.saved import read_saved
from metainr.signals.access import SPLITS
from metainr.training.interrupts import Interrupted

GENERATED = "class:"
"""What --input begins with if it names a class of signals."""


class _Origin(NamedTuple):
    """Where an experiment's signals come from: the flags that name a folder, and a file, of what,
    and the class that a folder is.
    """

    folder: str
    file: str | None
    what: str
    name: str


_ORIGINS = {
    IMAGES: _Origin("image_folder", None, "pictures", "folder"),
    "audio": _Origin("audio_folder", "recording", "sounds", "recordings"),
    "video": _Origin("video_folder", "clip", "clips", "clips"),
    "shapes": _Origin("mesh_folder", "mesh_file", "meshes or clouds", "mesh_folder"),
}


def fit_dataset(options: FitOptions, init: str, steps: int | None) -> None:
    """Fits every signal of a folder or a class, writes the set and says what it holds.

    Whatever experiment learned the init says how signals are read and fitted. `steps`: None: as
    many as the init was learned for. Raises UserError if options of the command line are for
    pictures, or the init is of signals that are no files; Interrupted by Ctrl-C or SIGTERM.
    """
    _, recorded = read_saved(init)
    known = {name: EXPERIMENTS[name] for name in _ORIGINS}
    experiment = experiment_of({"experiment": IMAGES} | recorded, f"--init={init}", known)
    origin = _ORIGINS[experiment.name]
    _check_alone(options, origin)
    source = _with_class(experiment, options.input or "", origin)
    config = source.config
    problem = experiment.build(config, make_machine(config).summation)
    learned = as_init(source, problem.field, init)
    record = {name: config.record[name] for name in _init_names(experiment)}
    record["algorithm"] = learned.learner.algorithm
    side = config.run.resolution
    shape = (side, side) if experiment.name == IMAGES else None
    try:
        fields = write_fields(
            Run(problem.field, learned, problem, shape, record),
            problem.signals,
            options.as_dataset or "",
            steps=steps,
            sizes=dict(zip(SPLITS, options.sizes)),
            seed=config.run.seed,
            source=_source(experiment, config),
        )
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "stopped; run the same command again to go on",
            interrupt.args[0] if interrupt.args else signal.SIGINT,
        ) from interrupt
    say(_summary(fields, options))


def _check_alone(options: FitOptions, origin: _Origin) -> None:
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
    source = options.input or ""
    if source.startswith(GENERATED):
        return
    if not Path(source).is_dir():
        raise UserError(
            f"--input={source} is no folder; a data set is written of a folder of {origin.what}, "
            f"or of a class of signals such as {GENERATED}sdf"
        )
    inner, outer = (expanded(path).resolve() for path in (options.as_dataset or "", source))
    if inner.is_relative_to(outer):
        raise UserError(
            f"--as_dataset={options.as_dataset} lies in --input={source}; name a folder beside it"
        )


def _with_class(experiment: Experiment, given: str, origin: _Origin) -> Source:
    """The init, its configuration with the class that --input names."""
    config = shared_flags.configuration(experiment)
    own = [flag.name for flag in (*experiment.flags.init, *experiment.flags.task)]
    source = read_init(config, experiment, also=own)
    is_class = given.startswith(GENERATED)
    values = {
        **source.config.record,
        origin.folder: None if is_class else str(expanded(given).resolve()),
        "signal": given.removeprefix(GENERATED) if is_class else origin.name,
    }
    if origin.file is not None:
        values[origin.file] = None
    own_class = config_of_file(experiment, values, config.run.given, config.run.init or "")
    return source._replace(config=own_class)


def _init_names(experiment: Experiment) -> tuple[str, ...]:
    return ("experiment", *shared_flags.init_flags(experiment))


def _source(experiment: Experiment, config: Config[Any]) -> Mapping[str, Any]:
    """Where the signals came from, by flags."""
    own = experiment.flags
    names = [flag.name for flag in (*own.init, *own.task, *own.place)]
    return {
        name: config.record[name] for name in ("experiment", "signal", "seed", "resolution", *names)
    }


def _summary(fields: FieldSet, options: FitOptions) -> str:
    counts = ", ".join(f"{len(rows)} {split}" for split, rows in fields.splits.items())
    reached = [rows.psnr for rows in fields.splits.values() if len(rows)]
    mean = float(np.mean(np.concatenate(reached)))
    psnr = "" if math.isnan(mean) else f", mean PSNR of the fits {mean:.2f} dB"
    classes = f", {len(fields.about.classes)} classes" if fields.about.classes else ""
    return (
        f"fields of {fields.about.size} numbers after {fields.about.steps} steps: {counts}"
        f"{classes}{psnr}; written to {options.as_dataset}"
    )

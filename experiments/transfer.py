"""Transfer: how well each init serves classes of signals it was not learned on.

Every row of the matrix is the init of one workdir of image regression, every column a class of
signals; the entry is the mean PSNR of test signals after the inner steps of meta-training
(Tancik et al., CVPR 2021, supplement).

    metainr transfer --workdirs=runs/sdf,runs/text --workdir=runs/transfer

Of runs of several experiments, such as images and sounds, the hidden layers are moved between
fields that have other first and last ones, and every column is a run's own test.

    metainr transfer --workdirs=runs/images,runs/sounds --tune --workdir=runs/modal
"""

import time
from pathlib import Path
from typing import Annotated, NamedTuple

import jax
from absl import flags

from experiments import cli, image_regression
from experiments.config import PATH
from experiments.kinds import EXPERIMENTS
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.finished import read_run
from experiments.run.machine import make_machine
from experiments.run.modalities import transferred
from metainr import signals
from metainr.checks import Each, Text
from metainr.errors import UserError
from metainr.evaluation.compare import summary
from metainr.evaluation.fitting import make_evaluate
from metainr.keys import branch
from metainr.output import say
from metainr.reporting import to_text, write_json, write_transfer_report
from metainr.reporting.transfer import transfer_table
from metainr.runs.fits import make_contenders
from metainr.training.data import first_signals
from metainr.training.workdir import check_no_run, environment


class TransferOptions(NamedTuple):
    """Workdirs of runs, and classes to test inits of images on; none: theirs and ours."""

    workdirs: Annotated[tuple[str, ...], Each(PATH, "runs/sdf,runs/text", range(1000))] = ()
    signals: Annotated[tuple[str, ...], Each(Text(), "sdf,text", range(1000))] = ()


WORKDIRS = define(TransferOptions, "workdirs", "runs whose inits to compare")
SIGNALS = define(
    TransferOptions,
    "signals",
    "classes to test on; default: those of the runs, sdf, text and photos",
)
for holder in (
    *(shared_flags.WORKDIR, shared_flags.NUM_TEST, shared_flags.SEED),
    *(shared_flags.TUNE, shared_flags.NUM_VALIDATION),
):
    flags.declare_key_flag(holder.name)

_BUNDLED = ("sdf", "text", "photos")


def main() -> None:
    """Evaluates every init on every class and reports the matrix."""
    began = time.perf_counter()
    check_no_run(shared_flags.WORKDIR.value)
    runs = [read_run(path, EXPERIMENTS) for path in dict.fromkeys(WORKDIRS.value)]
    if not runs:
        raise UserError("--workdirs names no runs; give e.g. --workdirs=runs/sdf,runs/text")
    found = _between_classes(runs) if _are_images(runs) else _between_modalities(runs)
    workdir = Path(shared_flags.WORKDIR.value)
    transfer = {
        "experiment": "transfer",
        "metric": "psnr",
        **found,
        "seconds": {"total": time.perf_counter() - began},
        "config": {"workdirs": WORKDIRS.value, **found.get("config", {})},
        "environment": environment(),
    }
    write_json(workdir / "transfer.json", transfer)
    say(to_text(transfer_table(transfer)))
    say(f"report: {write_transfer_report(workdir)[-1]}")


def _are_images(runs):
    return all(run.experiment is image_regression.EXPERIMENT for run in runs)


def _between_modalities(runs):
    if SIGNALS.value:
        raise UserError(
            f"--signals={','.join(SIGNALS.value)} names classes of images, and of runs of several "
            "experiments each is tested on its own signals; leave it out"
        )
    return transferred(runs)


def _between_classes(runs):
    if shared_flags.TUNE.value:
        raise UserError(
            "--tune is for runs of several experiments; of runs of images each init keeps the "
            "rate that it was learned with: leave it out"
        )
    resolution, step = (_common(runs, name) for name in ("resolution", "inner_steps"))
    columns = _columns(runs, resolution)
    num = min(shared_flags.NUM_TEST.value, *(c.sizes["test"] for c in columns.values()))
    tests = [first_signals(column, "test", num) for column in columns.values()]
    cells = [_row(run, tests, step) for run in runs]
    return {
        "step": step,
        "rows": _row_names(runs),
        "columns": list(columns),
        "mean": [[cell["mean"][-1] for cell in row] for row in cells],
        "stderr": [[cell["stderr"][-1] for cell in row] for row in cells],
        "num_test": num,
        "config": {"resolution": resolution},
    }


def _row_names(runs):
    """The class each run was learned on; of several on one class, the folder too."""
    names = [run.class_name for run in runs]
    return [
        f"{name} ({Path(run.path).name})" if names.count(name) > 1 else name
        for name, run in zip(names, runs)
    ]


def _common(runs, name):
    """The value of a flag on which all runs must agree, or their numbers would not compare."""
    values = {run.path: run.config.record[name] for run in runs}
    if len(set(values.values())) > 1:
        raise UserError(f"the runs were learned with different --{name}: {values}")
    return next(iter(values.values()))


def _columns(runs, resolution):
    """The classes to test on by name; those of pictures in folders are the runs' own."""
    seed = shared_flags.SEED.value
    sources = {
        run.class_name: (
            run.config.run.signal,
            run.config.own.image_folder,
            run.config.own.data_dir,
        )
        for run in runs
    }
    names = SIGNALS.value or [*dict.fromkeys([*sources, *_BUNDLED])]
    columns = {}
    for name in names:
        signal, folder, data_dir = sources.get(name, (name, None, None))
        options = signals.ImageOptions(resolution, seed, folder, data_dir)
        columns[name] = signals.make(signal, options)
    return columns


def _row(run, tests, step):
    """Summaries of PSNR at [0, step] for one init on every class."""
    config = run.config
    machine = make_machine(config)
    problem = image_regression.build(config, machine.summation)
    setting = problem.settings["default"]
    evaluate = make_evaluate(setting.make_task, setting.score, setting.view)
    inits = {"meta": run.init}
    contender = make_contenders(inits, problem.field, setting.objective, machine)["meta"]
    key = branch(jax.random.key(shared_flags.SEED.value), "test")
    fits = [evaluate(contender, test, [0, step], key) for test in tests]
    return [summary(fit.metrics["psnr"]) for fit in fits]


if __name__ == "__main__":
    cli.run(main)

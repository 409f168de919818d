"""What learning did to the field, for finished runs of image regression, on one page.

For what was learned, random weights, the init of the mean signal, and what was learned with its
weights shuffled, on test signals:

- the neural tangent kernel: how much of the signals lies in its leading eigenvectors, and what
  these look like;
- loss barriers between fits of one signal and of two;
- rank and size of what fits change, layer by layer;
- PSNR on signals that were learned from against that on others, and a PAC-Bayes bound.

    metainr anatomy --runs=runs/sdf,runs/text --workdir=runs/anatomy

A run of several trainings, by --train_signals or --seeds, stands for all of them. Writes
anatomy.json, anatomy.md, figures/ and report.html.
"""

import time
from pathlib import Path
from typing import Annotated, NamedTuple

from absl import flags

from experiments import cli, image_regression
from experiments.config import PATH
from experiments.images.dissection import Dissected, dissected
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.finished import read_run
from experiments.run.machine import make_machine
from experiments.run.reading import made
from metainr.checks import Each, Range
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.anatomy import anatomy_tables, write_anatomy_report
from metainr.training.workdir import check_no_run, environment


class AnatomyOptions(NamedTuple):
    """What is looked at.

    runs: workdirs of image regression.
    kernel_signals: test signals whose energy is measured.
    fitted_signals: test signals that are fitted.
    long_steps: of fits between which barriers are looked for.
    """

    runs: Annotated[tuple[str, ...], Each(PATH, "runs/sdf,runs/text", range(1000))] = ()
    kernel_signals: Annotated[int, Range(2, 10_000)] = 64
    fitted_signals: Annotated[int, Range(2, 10_000)] = 8
    long_steps: Annotated[int, Range(1, 10**6)] = 100


_OWN = (
    define(AnatomyOptions, "runs", "finished runs of image regression to look into"),
    define(AnatomyOptions, "kernel_signals", "test signals whose energy is measured"),
    define(AnatomyOptions, "fitted_signals", "test signals, and training signals, to fit"),
    define(AnatomyOptions, "long_steps", "of fits between which barriers are looked for"),
)
flags.declare_key_flag(shared_flags.WORKDIR.name)

_EXPERIMENTS = {image_regression.EXPERIMENT.name: image_regression.EXPERIMENT}


def main() -> None:
    """Looks into every run, and reports."""
    began = time.perf_counter()
    options = made(AnatomyOptions, {holder.name: holder.value for holder in _OWN})
    check_no_run(shared_flags.WORKDIR.value)
    runs = [read_run(path, _EXPERIMENTS) for path in _trainings(options.runs)]
    if not runs:
        raise UserError("--runs names no runs; give e.g. --runs=runs/sdf,runs/text")
    found: dict[str, Dissected] = {}
    for run in runs:
        say(run.path)
        machine = make_machine(run.config)
        problem = image_regression.build(run.config, machine.summation)
        found[run.path] = dissected(
            problem,
            run.init,
            run.config,
            machine,
            options.kernel_signals,
            options.fitted_signals,
            options.long_steps,
        )
    workdir = expanded(shared_flags.WORKDIR.value)
    names = _short(list(found))
    record = {
        "experiment": "anatomy",
        "runs": {names[path]: result.record for path, result in found.items()},
        "seconds": {"total": time.perf_counter() - began},
        "config": options._asdict(),
        "environment": environment(),
    }
    write_json(workdir / "anatomy.json", record)
    pictures = {names[path]: result.eigenvectors for path, result in found.items()}
    for table in anatomy_tables(record):
        say(to_text(table))
    say(f"report: {write_anatomy_report(workdir, record, pictures)[-1]}")


def _trainings(paths):
    """The folders of trainings: of a run of several, those within it."""
    for path in dict.fromkeys(paths):
        folder = expanded(path)
        within = sorted(folder.glob("*=*/checkpoints"), key=lambda p: p.stat().st_mtime)
        if (folder / "checkpoints").exists() or not within:
            yield str(path)
        else:
            yield from (str(place.parent) for place in within)


def _short(paths):
    """Names of the runs: those of their folders, or the whole paths where these are alike."""
    names = [Path(path).name for path in paths]
    alike = len(set(names)) < len(names)
    return {path: path if alike else name for path, name in zip(paths, names)}


if __name__ == "__main__":
    cli.run(main)

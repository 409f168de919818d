"""Steps and fits at the papers' settings, compiled for TPUs that are not there, lowered for CUDA.

    pip install -e '.[tpu-compiler,scenes]'
    python -m benchmarks.ahead_of_time

Nothing runs: libtpu compiles for its chips on any Linux machine. Seconds are those of this machine;
FLOPs and bytes are the compiler's estimates, in which the body of a loop counts once.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags

from benchmarks import shared_flags
from benchmarks.ahead_of_time_worker import COLLECTIVES, MARK, Compiled, Job, environment
from benchmarks.report import counted, number, report
from experiments import cli
from metainr.errors import UserError
from metainr.reporting.tables import NOTHING, Table

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "image_regression": "sdf",
    "ct_reconstruction": "phantoms",
    "view_synthesis": "chairs",
    "phototourism": "facade",
    "poisson": "quickstart",
    "shapes": "quickstart",
    "waves": "quickstart",
    "audio": "quickstart",
    "video": "quickstart",
}
_SLICES = {
    "v5e": {1: "v5e:2x2", 4: "v5e:2x2", 16: "v5e:4x4", 64: "v5e:8x8"},
    "v5p": {1: "v5p:2x2x1", 4: "v5p:2x2x1", 16: "v5p:4x2x2", 64: "v5p:4x4x4"},
}
_KINDS = ("step", "fit")
_TARGETS = ("v5e", "v5p", "cuda")
_DIVISIONS = ("tasks", "observations", "both")

PROGRAMS = shared_flags.some_of(
    "programs", tuple(SETTINGS), ",".join(SETTINGS), "experiments to compile"
)
KIND = shared_flags.some_of("kind", _KINDS, "step,fit", "outer steps, or test-time fits")
TARGET = shared_flags.some_of("target", _TARGETS, "v5e,v5p,cuda", "what to compile for")
CHIPS = shared_flags.integers("chips", "1,4,16,64", "of a TPU's slice: some of 1,4,16,64")
DIVISION = shared_flags.some_of(
    "division", _DIVISIONS, "tasks,observations,both", "what the chips of a slice share"
)
OWN = flags.DEFINE_string("own", "", "more flags of the experiments, parted by spaces")
LIMIT = flags.DEFINE_integer("limit", 900, "seconds after which a compilation is given up", 1)


class _Row(NamedTuple):
    """Where a job's result stands in the table."""

    target: str
    chips: int
    divided: str
    job: Job


def tables() -> Iterator[Table]:
    """A table for every experiment and kind."""
    if importlib.util.find_spec("libtpu") is None and {*TARGET.value} != {"cuda"}:
        raise UserError(
            "the compiler for TPUs is missing; run pip install -e '.[tpu-compiler,scenes]', or "
            "give --target=cuda"
        )
    for experiment in PROGRAMS.value:
        for kind in KIND.value:
            rows = tuple(_cells(row) for row in _rows(experiment, kind))
            what = "An outer step" if kind == "step" else "Fits side by side"
            note = f"`{experiment}/{SETTINGS[experiment]}` {OWN.value}".rstrip() + "."
            yield Table(f"{what} of {experiment}", _HEADER, rows, note)


_HEADER = (
    "target", "divided", "compile, s", "of CPU, s", "program, MB", "scratch, MB", "GFLOP",
    "GB moved", "collectives", "their MB",
)  # fmt: skip


def _rows(experiment, kind):
    path = ROOT / f"experiments/flags/{experiment}/{SETTINGS[experiment]}.flags"
    given = [f"--flagfile={path}", *OWN.value.split()]
    for target in TARGET.value:
        if target == "cuda":
            yield _Row(target, 1, "", Job(experiment, given, kind, target, 1))
            continue
        for chips in shared_flags.numbers(CHIPS):
            if chips not in _SLICES[target]:
                raise UserError(f"--chips={chips} is none of {[*_SLICES[target]]}; give some")
            for divided, tasks in _divisions(chips, kind):
                own = [*given, *([f"--tasks_per_step={tasks}"] if tasks else [])]
                job = Job(experiment, own, kind, _SLICES[target][chips], chips)
                yield _Row(target, chips, divided, job)


def _divisions(chips: int, kind: str) -> list[tuple[str, int | None]]:
    """(what chips share, tasks of a step that have them do so); None: the setting's own."""
    if chips == 1:
        return [("", None)]
    # The fits of a comparison are always as many as the chips share equally.
    tasks = {"tasks": chips, "observations": 1, "both": round(chips**0.5)}
    wanted = DIVISION.value if kind == "step" else ["tasks"]
    return [(name, tasks[name]) for name in wanted]


def _cells(row: _Row) -> tuple[str, ...]:
    name = row.target if row.chips == 1 else f"{row.target}, {counted(row.chips, 'chip')}"
    try:
        found = _compiled(row.job)
    except subprocess.TimeoutExpired:
        return (name, row.divided, f"not within {LIMIT.value}", *[NOTHING] * (len(_HEADER) - 3))
    several = found.collectives
    return (
        name,
        row.divided or NOTHING,
        number(found.seconds, 1) + (" (lowered)" if row.target == "cuda" else ""),
        number(found.busy_seconds, 1),
        _of(found.program_bytes, 1e6, 1),
        _of(found.scratch_bytes, 1e6, 1),
        _of(found.flops, 1e9, 1),
        _of(found.moved_bytes, 1e9, 2),
        ", ".join(f"{several[k][0]} {k}" for k in COLLECTIVES if k in several) or NOTHING,
        _of(sum(size for _, size in several.values()) if several else None, 1e6, 2),
    )


def _compiled(job: Job) -> Compiled:
    command = [sys.executable, "-m", "benchmarks.ahead_of_time_worker", json.dumps(job)]
    done = subprocess.run(
        command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT.value
    )
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return Compiled(*json.loads(line.removeprefix(MARK)))
    raise UserError(f"{_told(done.stderr)} (in compiling {job.experiment} for {job.topology})")


def _told(errors: str) -> str:
    """The last line of what a process said."""
    lines: Sequence[str] = [line for line in errors.splitlines() if line.strip()] or ["no message"]
    return lines[-1].strip()


def _of(value: float | None, unit: float, decimals: int) -> str:
    return NOTHING if value is None else number(value / unit, decimals)


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("ahead_of_time", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)

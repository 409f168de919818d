"""How far trainings have come, and the hours that all their steps would take: an ESTIMATE.

python -m benchmarks.hours WORKDIR...
"""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import shared_flags
from benchmarks.report import number, report
from experiments import cli
from metainr.errors import UserError
from metainr.json_files import parsed
from metainr.reporting.learning import RECORDS, validations, whole_lines
from metainr.reporting.tables import NOTHING, Table
from metainr.training.workdir import recorded_flags

_HEADER = ("run", "steps", "of", "steps/s", "validation, dB", "ESTIMATE of all, h")


def tables(workdirs: list[Path]) -> Iterator[Table]:
    """One table, a row for each workdir."""
    if not workdirs:
        raise UserError("no workdir; name those of trainings that have begun")
    note = (
        "Steps a second: the median of what was logged. ESTIMATE: all steps at that rate, without "
        "compilation, validations, saves and tests."
    )
    yield Table("Trainings", _HEADER, tuple(_row(workdir) for workdir in workdirs), note)


def _row(workdir: Path) -> tuple[str, ...]:
    steps = recorded_flags(workdir).get("train_steps")
    lines = [parsed(x) for x in whole_lines(workdir / "metrics" / RECORDS, sys.maxsize)]
    rates = [line["steps_per_second"] for line in lines if "steps_per_second" in line]
    if steps is None or not rates:
        raise UserError(f"{workdir} holds no training that has logged its speed; let it run longer")
    rate, measured = statistics.median(rates), validations(workdir / "metrics", sys.maxsize)
    done = max(line["step"] for line in lines)
    quality = number(measured[-1][1], 2) if measured else NOTHING
    cells = str(done), str(steps), number(rate, 2), quality, number(steps / rate / 3600, 2)
    return (workdir.name, *cells)


def main(arguments: list[str]) -> None:
    """Prints the table, and records it if asked to."""
    report("hours", tables([Path(text) for text in arguments]), shared_flags.results_file())


if __name__ == "__main__":
    cli.run_on(main, cli.parse)

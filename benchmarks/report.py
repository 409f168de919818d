"""What a benchmark says: Markdown tables, on the screen and as a section of a file of results."""

import datetime
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from metainr.reporting.tables import NOTHING, Table, to_markdown


def report(name: str, tables: Iterable[Table], results: Path | None) -> None:
    """Prints tables as they come and, if `results` is a file, appends them to it under a heading.

    Args:
        name: of the benchmark.
        tables: what it measures; a generator, which works while this prints.
        results: a Markdown file, made if missing, or None. What a killed run had found is in it.
    """
    if results is not None:
        _append(results, "")  # before any work: it may be that it cannot be written
    heading = f"\n{_heading(name)}"
    for table in tables:
        text = f"\n{to_markdown(table)}"
        print(text, end="", flush=True)
        if results is not None:
            _append(results, heading + text)
        heading = ""


def number(value: float | None, decimals: int = 0) -> str:
    """A number as a cell, in full; a dash for None."""
    return NOTHING if value is None else f"{value:.{decimals}f}"


def counted(count: int, noun: str) -> str:
    """The count with its noun: 1 task, 2 processes."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _heading(name):
    command = shlex.join(["python", "-m", f"benchmarks.{name}", *_told(sys.argv[1:])])
    today = datetime.date.today().isoformat()
    lines = [f"## {name}, {today}", f"`{command}`", f"{machine.versions()}; {machine.hardware()}."]
    return "\n\n".join(lines) + "\n"


def _told(arguments):
    """The arguments that change what is measured, not where it is written."""
    own = ("record", "norecord", "results")
    return [text for text in arguments if text.lstrip("-").partition("=")[0] not in own]


def _append(path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)

"""Run an experiment once for every value of some flags, and compare the runs on one page.

    metainr sweep image_regression --flagfile=quickstart --inner_steps=1,2 --workdir=runs/steps

A flag of one value that is given several, parted by commas, is swept over; of several such flags
all combinations are run. Every run has a folder of its own in the workdir, such as inner_steps=1.
The same command goes on with what is missing. A run that fails, such as one that diverges, is named
at the end, and the others are compared.
"""

import importlib
import itertools
import subprocess
import sys
from pathlib import Path

from absl import flags

from experiments import cli, compare
from metainr import console
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.registry import look_up

_USAGE = "name an experiment and its flags, such as image_regression --inner_steps=1,2"


def main(arguments: list[str]) -> None:
    """Runs all combinations, and reports."""
    if not arguments or arguments[0].startswith("-"):
        raise UserError(_USAGE)
    name, *given = arguments
    look_up("experiment", name, dict.fromkeys(console.LEARNING))
    importlib.import_module(f"experiments.{name}")
    swept, others = _parted(given)
    if not swept:
        raise UserError(f"no flag has several values; {_USAGE}")
    workdir, others = _workdir(others)
    runs, failed = [], []
    for values in itertools.product(*swept.values()):
        chosen = [f"{flag}={value}" for flag, value in zip(swept, values)]
        folder = workdir / ",".join(chosen).replace("/", "-")
        say(f"{folder}")
        command = [sys.executable, "-m", "metainr", name, *others, f"--workdir={folder}"]
        code = subprocess.run([*command, *(f"--{text}" for text in chosen)], check=False).returncode
        if code not in (0, 1):  # 1: its mistake or divergence; it has said why
            raise UserError(
                f"the run in {folder} ended with status {code}; what is done is kept: run the same "
                "command again to go on"
            )
        (failed if code else runs).append(str(folder))
    if len(runs) > 1:
        compare.report(runs, str(workdir))
    if failed:
        raise UserError(
            f"{', '.join(failed)}: failed, as said above, and not among the {len(runs)} compared; "
            "leave these values out, or run the same command again to try them again"
        )


def _parted(arguments):
    """({flag: its values} of those that are swept over, all other arguments)."""
    swept, others = {}, []
    for argument in arguments:
        flag, equals, text = argument.removeprefix("-").removeprefix("-").partition("=")
        values = [value.strip() for value in text.split(",")]
        if flag in flags.FLAGS and equals and len(values) > 1 and not _can_be(flag, text):
            for value in values:
                if not _can_be(flag, value):
                    raise UserError(f"--{flag}={text}: {value!r} is no value of this flag")
            swept[flag] = [*dict.fromkeys(values)]
        else:
            others.append(argument)
    return swept, others


def _can_be(flag, text):
    try:
        flags.FLAGS[flag].parser.parse(text)
    except (ValueError, TypeError):
        return False
    return True


def _workdir(arguments):
    """(The workdir that was given, the other arguments)."""
    folders = [a.partition("=")[2] for a in arguments if a.lstrip("-").startswith("workdir=")]
    if not folders:
        raise UserError("give --workdir=FOLDER, which will hold the runs")
    others = [a for a in arguments if not a.lstrip("-").startswith("workdir=")]
    return Path(expanded(folders[-1])), others


if __name__ == "__main__":
    cli.run_on(main, cli.unparsed)

"""Writes a learned init, or a fit, as a field for PyTorch or ONNX.

    metainr export runs/quickstart --to=torch --output_dir=exported
    metainr export fits/picture --to=onnx --output_dir=exported

The one argument is a workdir, one of its checkpoints, the folder of a fit, or a file of weights
that metainr wrote. Of a learned init this writes the weights with which fits begin. Those of a fit
have its latent, if it has one, in them.

    field.py, field.safetensors     for PyTorch: a module that needs nothing of metainr
    field.onnx                      for ONNX: one model
"""

from typing import Annotated, NamedTuple

import metainr
from experiments import cli
from experiments.config import FILE_OR_FOLDER
from experiments.run.define import define
from experiments.run.reading import made
from metainr.checks import Choice
from metainr.errors import UserError
from metainr.export import FORMATS
from metainr.output import say


class ExportOptions(NamedTuple):
    """Where to write, and for which program."""

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    to: Annotated[str, Choice(FORMATS)] = "torch"


_OWN = (
    define(ExportOptions, "output_dir", "folder to write to; made if it is missing"),
    define(ExportOptions, "to", "the program to write for"),
)


def main(arguments: list[str]) -> None:
    """Writes the field of the weights that the one argument names."""
    options = made(ExportOptions, {flag.name: flag.value for flag in _OWN})
    if len(arguments) != 1:
        raise UserError(
            f"{len(arguments)} workdirs or files are named; give one, as in: metainr export "
            "runs/quickstart --output_dir=exported"
        )
    if options.output_dir is None:
        raise UserError("--output_dir, the folder to write to, is missing; give one")
    files = metainr.load(arguments[0]).export(options.output_dir, options.to)
    say(f"written: {', '.join(map(str, files))}")


if __name__ == "__main__":
    cli.run_on(main, cli.parse)

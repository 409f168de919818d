"""The flag by which programs are given files of a user's own."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.run.define import define


class InputOptions(NamedTuple):
    """A file, or a folder of files; None: none."""

    input: Annotated[str | None, FILE_OR_FOLDER] = None


INPUT = define(
    InputOptions,
    "input",
    "your file, or a folder of them: to fit each, or as the parts of a stream; of a data set also "
    "class:NAME",
)

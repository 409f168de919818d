"""What can be said of fits of pictures."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from metainr.checks import Choice, Each, Maybe, Range, Switch


class FitOptions(NamedTuple):
    """What is fitted, and how.

    input: a picture, or a folder of them; of a data set also class:NAME.
    output_dir: where results go.
    steps: gradient steps.
    mode: for pictures of another size than the init's, "resize" or "tile".
    mask: a picture, or a folder of them, white where fits may see.
    keep: share of the pixels, random ones, that fits may see.
    scale: fits are also sampled at so many times the resolution.
    compare: whether fits begin at the standard init, too; None: those of one picture.
    as_dataset: a data set of fields to write, in place of files for each picture.
    sizes: at most so many signals of its splits.
    """

    input: Annotated[str | None, FILE_OR_FOLDER] = None
    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    steps: Annotated[int, Range(1, 10**6)] = 20
    mode: Annotated[str, Choice(("resize", "tile"))] = "resize"
    mask: Annotated[str | None, FILE_OR_FOLDER] = None
    keep: Annotated[float | None, Maybe(Range(1e-9, 1, real=True))] = None
    scale: Annotated[int, Range(1, 64)] = 1
    compare: Annotated[bool | None, Maybe(Switch())] = None
    as_dataset: Annotated[str | None, FILE_OR_FOLDER] = None
    sizes: Annotated[tuple[int, ...], Each(Range(0, 10**9), "1000,100,100", (0, 3))] = ()

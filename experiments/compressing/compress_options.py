"""What can be said of compressing, and what it comes to."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from experiments.compressing.choosing import Aim
from experiments.config import FILE_OR_FOLDER
from metainr.checks import Maybe, Range
from metainr.codec.codec import DEFAULT_BITS
from metainr.codec.making import NUM_SIGNALS
from metainr.codec.quantiser import BITS
from metainr.errors import UserError


class CompressOptions(NamedTuple):
    """What is compressed, and how small.

    base: what was learned, or a base.
    input, output_dir: signals, and where their files go.
    bits: of a number.
    rate, psnr: in place of bits, what each file is to reach.
    steps: of a fit; None: as many as the base was learned for.
    train_folder, num_train: training signals to take statistics of, and how many.
    """

    base: Annotated[str | None, FILE_OR_FOLDER] = None
    input: Annotated[str | None, FILE_OR_FOLDER] = None
    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    bits: Annotated[int, BITS] = DEFAULT_BITS
    rate: Annotated[float | None, Maybe(Range(1e-6, 1e3, real=True))] = None
    psnr: Annotated[float | None, Maybe(Range(1, 200, real=True))] = None
    steps: Annotated[int | None, Maybe(Range(1, 10**6))] = None
    train_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    num_train: Annotated[int, Range(2, 10**6)] = NUM_SIGNALS


class Request(NamedTuple):
    """What is asked for.

    base, source, output: what was learned, signals, and where files go.
    aim: how many bits.
    steps, train_folder, num_train: as in the options.
    record: the options by name, which a run must share to go on.
    """

    base: str
    source: Path
    output: Path
    aim: Aim
    steps: int | None
    train_folder: str | None
    num_train: int
    record: dict[str, Any]

    @property
    def root(self) -> Path:
        """The folder that names are relative to."""
        return self.source if self.source.is_dir() else self.source.parent


def request_of(options: CompressOptions) -> Request:
    """What the options ask for. Raises UserError for those that contradict one another."""
    base, source, output = options.base, options.input, options.output_dir
    if base is None or source is None or output is None:
        raise UserError("--base, --input and --output_dir are needed; give all three")
    if options.rate is not None and options.psnr is not None:
        raise UserError("--rate and --psnr both choose the bits; give one of them")
    if not Path(source).exists():
        raise UserError(f"--input={source} does not exist; name a file or a folder")
    if Path(output).resolve().is_relative_to(Path(source).resolve()):
        raise UserError(
            f"--output_dir={output} lies in --input={source}; name folders beside each other"
        )
    return Request(
        base,
        Path(source),
        Path(output),
        Aim(options.bits, options.rate, options.psnr),
        options.steps,
        options.train_folder,
        options.num_train,
        options._asdict() | {"input": str(Path(source).resolve())},
    )

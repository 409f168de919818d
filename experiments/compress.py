"""Compresses a picture or a sound, or a folder of them, with what was learned of its class.

    metainr compress --base=runs/mine --input=icons --output_dir=small
    metainr decompress --input=small --output_dir=back

Every signal becomes a file NAME.mnr in --output_dir: the numbers that make the shared network its
own, a latent or the change of all weights, quantised and entropy-coded. Beside them lies
base.safetensors, once: the shared weights and the statistics of training signals, which
`decompress` needs. --base is a workdir of image_regression or audio, a file of weights, ready:NAME,
or such a base.safetensors, for further folders. Signals larger than those that it was learned on
are cut into tiles. --rate and --psnr search the bits for each signal; for --psnr, signals that do
not reach it are fitted again with four times the steps. The same command goes on where it was
stopped; files that cannot be read are skipped with one warning.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

from experiments import cli
from experiments.compressing.choosing import Aim
from experiments.compressing.compress_folder import Request, compress_folder
from experiments.config import FILE_OR_FOLDER
from experiments.run.define import define
from experiments.run.reading import made
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


_OWN = (
    define(CompressOptions, "base", "workdir, file of weights, ready:NAME or base.safetensors"),
    define(CompressOptions, "input", "file or folder of signals to compress"),
    define(CompressOptions, "output_dir", "folder to write to; made if it is missing"),
    define(CompressOptions, "bits", "of each number, before entropy coding"),
    define(CompressOptions, "rate", "bits a pixel (a sample) that no file is to exceed"),
    define(CompressOptions, "psnr", "dB that every file is to reach"),
    define(CompressOptions, "steps", "of a fit; default: as many as were learned for"),
    define(
        CompressOptions,
        "train_folder",
        "signals of the class, for statistics; default: those that the base was learned on",
    ),
    define(CompressOptions, "num_train", "training signals that the statistics are of"),
)  # fmt: skip


def main() -> None:
    """Compresses as the flags say."""
    values = {flag.name: flag.value for flag in _OWN}
    options = made(CompressOptions, values)
    for name in ("base", "input", "output_dir"):
        if values[name] is None:
            raise UserError(f"--{name} is missing; --base, --input and --output_dir are needed")
    if options.rate is not None and options.psnr is not None:
        raise UserError("--rate and --psnr both choose the bits; give one of them")
    source, output = Path(options.input or ""), Path(options.output_dir or "")
    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise UserError(
            f"--output_dir={output} lies in --input={source}; name folders beside each other"
        )
    compress_folder(
        Request(
            options.base or "",
            source,
            output,
            Aim(options.bits, options.rate, options.psnr),
            options.steps,
            options.train_folder,
            options.num_train,
            values | {"input": str(source.resolve())},
        )
    )


if __name__ == "__main__":
    cli.run(main)

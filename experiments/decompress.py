"""Gives back the pictures, sounds or arrays that `compress` wrote, at any resolution.

    metainr decompress --input=small --output_dir=back
    metainr decompress --base=small/base.safetensors --input=one.png.mnr --output_dir=back --scale=4

--input is a folder of `compress`, or one of its files; --base is by default the base.safetensors
beside them. --scale samples the fields at so many times the resolution. Pictures become PNG of
the original's bit depth, sounds WAV, arrays NPY. Files that are damaged, or of another base or
version, are refused by name; the others are written, and the exit status is then 1.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

from absl import logging

from experiments import cli
from experiments.compressing.compress_folder import BASE
from experiments.compressing.kinds import kind_of_file, named
from experiments.config import FILE_OR_FOLDER
from experiments.fitting.fit_inputs import listed
from experiments.fitting.fit_setup import made_folder
from experiments.run.define import define
from experiments.run.reading import made
from metainr.checks import Range
from metainr.codec import Codec, load_base, make_codec
from metainr.codec.codec import About
from metainr.codec.container import MOST_VALUES, SUFFIX
from metainr.errors import UserError
from metainr.files import check_regular, expanded
from metainr.output import say
from metainr.progress import progress


class DecompressOptions(NamedTuple):
    """What is decoded.

    base: of the files; None: beside them.
    input, output_dir: files, and where signals go.
    scale: times the resolution.
    """

    base: Annotated[str | None, FILE_OR_FOLDER] = None
    input: Annotated[str | None, FILE_OR_FOLDER] = None
    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    scale: Annotated[int, Range(1, 64)] = 1


_OWN = (
    define(DecompressOptions, "base", "base.safetensors of the files; default: that beside them"),
    define(DecompressOptions, "input", "folder of compressed files, or one file"),
    define(DecompressOptions, "output_dir", "folder to write to; made if it is missing"),
    define(DecompressOptions, "scale", "sample at this many times the resolution"),
)


def main() -> None:
    """Decodes as the flags say. Raises UserError, once the others are written, if files are bad."""
    options = made(DecompressOptions, {flag.name: flag.value for flag in _OWN})
    if options.input is None or options.output_dir is None:
        raise UserError("--input and --output_dir are needed; give both")
    source = Path(options.input)
    names = named(source, frozenset({SUFFIX}), "compressed files", "input")
    root = source if source.is_dir() else source.parent
    codec = make_codec(load_base(expanded(options.base or root / BASE)))
    output = made_folder(options.output_dir)
    refused: dict[str, str] = {}
    with progress(len(names), "file") as bar:
        for name in names:
            try:
                _write(codec, root / name, output / name, options.scale)
            except UserError as error:
                refused[name] = str(error)
                logging.warning("%s: %s", root / name, error)
            bar.update()
    say(f"{len(names) - len(refused)} of {len(names)} files decoded; written to {output}")
    if refused:
        raise UserError(
            f"{len(refused)} of {len(names)} files could not be decoded: "
            f"{listed(sorted(refused))}; the warnings say why"
        )


def _write(codec: Codec, source: Path, target: Path, scale: int) -> None:
    check_regular(source, "compressed field", most=MOST_VALUES)
    header, vectors = codec.read(source.read_bytes())
    points = [scale * side for side in header.shape]
    size = codec.base.frame.channels
    for side in points:
        size *= side
    if size > MOST_VALUES:
        raise UserError(f"{size} values at --scale={scale} are too many; give a smaller one")
    values = codec.render(vectors, header.shape, points)
    kind = kind_of_file(header.kind)
    name = target.name.removesuffix(SUFFIX)
    name = name if name.lower().endswith(kind.suffix) else name + kind.suffix
    about = About(header.kind, scale * header.rate, header.level)
    kind.write(target.with_name(name), values, about)


if __name__ == "__main__":
    cli.run(main)

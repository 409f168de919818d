"""Decodes a folder of compressed files: what `experiments.decompress` does."""

from pathlib import Path
from typing import Annotated, NamedTuple

from absl import logging

from experiments.compressing.compress_folder import BASE
from experiments.config import FILE_OR_FOLDER
from experiments.fitting.fit_inputs import listed
from experiments.fitting.fit_setup import made_folder
from experiments.signal_files.kinds import kind_of_file, named
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


def decompress_folder(options: DecompressOptions) -> None:
    """Decodes as the options say. Raises UserError at the end if files are bad."""
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
    about = About(header.kind, scale * header.rate, header.level, header.place)
    kind.write(target.with_name(name), values, about)

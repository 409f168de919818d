"""A user's own stream: a file, or a folder with a file for each part."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import Config
from experiments.streams.kind import Read
from experiments.streams.learned import Setup, grid_of
from experiments.streams.stream_options import StreamOptions
from metainr.errors import UserError
from metainr.files import expanded
from metainr.media.folders import visible
from metainr.streams import join
from metainr.types import Signal


def own_signal(setup: Setup, config: Config[StreamOptions]) -> Signal:
    """The signal that --input names, as streams take it.

    Raises UserError if it cannot be read, is no signal of the class, or has not a file for each
    part.
    """
    path = expanded(config.own.input or "")
    if not path.exists():
        raise UserError(f"--input={path} does not exist; give a file, or a folder of parts")
    if setup.kind.files is None:
        return setup.kind.whole(str(path), config)
    if not path.is_dir() or setup.kind.files.is_part(path):  # a clip may be a folder of frames
        return checked(setup.kind.whole(str(path), config), setup, path)
    files = part_files(path, setup)
    count = setup.num_parts
    if len(files) != count:
        raise UserError(
            f"--input={path} has {len(files)} parts, and --parts makes {count} of a signal; give "
            "a file for each"
        )
    return joined(read_parts(files, setup, config), setup)


def part_files(folder: Path, setup: Setup) -> list[Path]:
    """The files of a folder that may be parts, by name."""
    _, files = grid_of(setup)
    return [path for path in visible(folder) if files.is_part(path)]


def read_parts(
    files: Sequence[Path], setup: Setup, config: Config[StreamOptions]
) -> list[np.ndarray]:
    """The parts [*part_shape, c]. Raises UserError if they differ in size."""
    reads: list[Read] = []
    for path in files:
        reads.append(read_part(path, setup, config))
        check_size(path, reads[-1].size, files[0].name, reads[0].size)
    return [read.values for read in reads]


def read_part(path: Path, setup: Setup, config: Config[StreamOptions]) -> Read:
    """A part of a file. Raises UserError if it is none of this stream's."""
    layout, files = grid_of(setup)
    read = files.part(path, layout.part_shape, config)
    return read._replace(values=checked(read.values, setup, path))


def check_size(path: Path, size: str, first: str, first_size: str) -> None:
    """Raises UserError if a part is of another size than the first one."""
    if size != first_size:
        raise UserError(
            f"part {path} has {size}, and {first} has {first_size}; all parts of a stream are of "
            "one size and rate: convert or remove those that differ"
        )


def joined(parts: Sequence[np.ndarray], setup: Setup) -> np.ndarray:
    """The signal [*shape, c] of all parts."""
    values = np.stack(parts)
    flat = values.reshape(len(values), -1, values.shape[-1])
    return np.asarray(join(flat, grid_of(setup)[0]))


def checked(values: np.ndarray, setup: Setup, path: Path) -> np.ndarray:
    """The values, if they have as many channels as the class. Raises UserError otherwise."""
    channels = setup.signals.get("test" if setup.signals.sizes["test"] else "train", 0).shape[-1]
    if values.shape[-1] != channels:
        raise UserError(
            f"{path} has {values.shape[-1]} channels, and signals of the class have {channels}; "
            "convert it"
        )
    return values.astype(np.float32)

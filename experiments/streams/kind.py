"""What the program on streams asks of a kind of signals."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.config import Config
from experiments.streams.stream_options import StreamOptions
from metainr.runs.problem import Problem
from metainr.streams import Division, Layout
from metainr.types import Array, Field, Signal, SignalClass

Own = Config[StreamOptions]


class Read(NamedTuple):
    """A part as a file has it.

    values: [*part_shape, c] in [0, 1].
    size: what all parts of a stream have in common, in words.
    """

    values: np.ndarray
    size: str


class Files(NamedTuple):
    """Files that hold a part each.

    is_part: whether a path is of that kind, by its name.
    part: (path, shape of a part, configuration) -> the part that a file holds.
    """

    is_part: Callable[[Path], bool]
    part: Callable[[Path, tuple[int, ...], Own], Read]


class Arranged(NamedTuple):
    """A class of signals and its parts.

    signals: as streams take them.
    division: of them.
    in_dim, out_dim: of a field of them.
    numbers: that an observation of them is.
    problem: (field, whether of parts) -> what an init is learned for: parts, or whole signals.
    layout: in boxes of which grid; None: in none.
    record: what stream.json says of it, with "counts", the parts along each axis.
    """

    signals: SignalClass
    division: Division
    in_dim: int
    out_dim: int
    numbers: int
    problem: Callable[[Field, bool], Problem]
    layout: Layout | None
    record: Mapping[str, Any]


class Kind(NamedTuple):
    """A kind of signals.

    options: the type of the options of its classes.
    parts: along each axis, where nobody said.
    make: configuration -> the class.
    arrange: (class, parts along each axis, configuration) -> it in parts.
    whole: (path, configuration) -> the signal of a file or folder, as streams take it.
    picture: signal as it is known -> [h, w, 3] in [0, 1].
    write: (path without a suffix, signal as it is known, configuration) -> its file.
    target: signal -> what it would be known as.
    files: that hold a part each; None: there are none.
    rates: optimizer -> rates that are tried, beside those of the inner loop.
    """

    options: type
    parts: tuple[int, ...]
    make: Callable[[Own], SignalClass]
    arrange: Callable[[SignalClass, tuple[int, ...], Own], Arranged]
    whole: Callable[[str, Own], Signal]
    picture: Callable[[Array], Array]
    write: Callable[[Path, np.ndarray, Own], Path]
    target: Callable[[Signal], np.ndarray]
    files: Files | None
    rates: Mapping[str, Sequence[float]]

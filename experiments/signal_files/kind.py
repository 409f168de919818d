"""What a kind of files is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.codec.codec import About
from metainr.types import Array

Read = tuple[np.ndarray, About]


class Kind(NamedTuple):
    """A kind of files, of signals with values [*shape, c] in the range of their frame.

    what: they are, in the singular.
    endings: of their names.
    suffix: of those that are written.
    read: path -> (values, what else a file says of them).
    of_signal: a signal of the kind's classes -> values.
    told: values without a file -> what a file would say of them.
    stored: (values, that) -> the values that a written file has.
    write: (path, values, that) writes a file.
    picture: values -> [h, w, 3] in [0, 1].
    """

    what: str
    endings: frozenset[str]
    suffix: str
    read: Callable[[Path], Read]
    of_signal: Callable[[Any], np.ndarray]
    told: Callable[[np.ndarray], About]
    stored: Callable[[np.ndarray, About], np.ndarray]
    write: Callable[[Path, np.ndarray, About], Any]
    picture: Callable[[np.ndarray], Array]

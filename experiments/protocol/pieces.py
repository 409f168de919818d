"""Pieces of the comparison: each is done once, and what it found is kept."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from metainr.errors import UserError
from metainr.json_files import read_json
from metainr.output import say
from metainr.reporting import write_json

_FILE = "piece.json"


class Piece(NamedTuple):
    """Some minutes of work.

    name: of its folder, such as "sdf/maml/seed=0".
    about: the values of flags that it depends on; one that was done with others is refused.
    work: folder -> what it found, as JSON.
    """

    name: str
    about: dict[str, Any]
    work: Callable[[Path], dict[str, Any]]


class Clock(NamedTuple):
    """How far a program is.

    began: when it did, by `time.perf_counter`.
    seconds: after which no further piece begins; None: it takes all the time that it needs.
    num_pieces: all that it asks for.
    numbers: of those that it asks for, one after another; a folder may hold others, too.
    """

    began: float
    seconds: float | None
    num_pieces: int
    numbers: Iterator[int]

    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.seconds is not None and time.perf_counter() - self.began > self.seconds


def start_clock(num_pieces: int, seconds: float | None = None) -> Clock:
    """The clock of a program that begins now."""
    return Clock(time.perf_counter(), seconds, num_pieces, itertools.count(1))


class OutOfTimeError(Exception):
    """The time is up; what was found is kept."""


def found(piece: Piece, workdir: Path, clock: Clock) -> dict[str, Any]:
    """What a piece finds, or found before. Raises OutOfTimeError if it would have to begin now."""
    number, folder = next(clock.numbers), workdir / piece.name
    file = folder / _FILE
    if file.exists():
        known = _kept(file)
        if known["about"] == piece.about:
            return known["found"]
        raise UserError(
            f"{folder} was made with other flags; give another --workdir, or move it away"
        )
    if clock.is_over():
        raise OutOfTimeError(piece.name)
    say(f"{piece.name}, {number} of {clock.num_pieces}")
    began = time.perf_counter()
    result = piece.work(folder) | {"seconds": time.perf_counter() - began}
    write_json(file, {"about": piece.about, "found": result})
    return result


def _kept(file):
    known = read_json(file, "move it away and run the same command again")
    if not {"about", "found"} <= known.keys():
        raise UserError(f"{file} is damaged; move it away and run the same command again")
    return known

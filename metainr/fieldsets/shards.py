"""Shards: files of up to 256 vectors, each with a note of what they are; there whole or not at all.

A shard stands for a fixed run of a split's signals. Its note is written last, and holds a digest of
the vectors, so that a killed writing goes on behind the last whole one, and damage is seen.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.errors import UserError
from metainr.files import check_regular, write_bytes
from metainr.json_files import read_json
from metainr.media.numpy_files import load_npy, npy_bytes
from metainr.weights.naming import shown

SHARD = 256
"""Signals of a shard."""

_ENTRIES = ("numbers", "names", "labels", "psnr", "skipped", "sha256")
_REMEDY = "write the set again, or restore the file from a copy"


class Fitted(NamedTuple):
    """A signal's row: its number in the split, name, label (None without one), vector [d] and PSNR
    in dB (None: of signals that have none).
    """

    number: int
    name: str
    label: str | None
    vector: np.ndarray
    psnr: float | None


class Skipped(NamedTuple):
    """A signal that has no row, and why."""

    name: str
    reason: str


class Note(NamedTuple):
    """What a shard's note says: of its rows the numbers of their signals in the split, names,
    labels and PSNR; what was left out, and why; a digest of the vectors.
    """

    numbers: list[int]
    names: list[str]
    labels: list[str | None]
    psnr: list[float | None]
    skipped: dict[str, str]
    digest: str


def shard_sizes(num_signals: int) -> list[int]:
    """How many signals each shard of a split stands for."""
    return [min(SHARD, num_signals - first) for first in range(0, num_signals, SHARD)]


def write_shard(folder: Path, number: int, found: Sequence[Fitted | Skipped]) -> None:
    """Writes what became of a shard's signals. Raises OSError if it cannot be written."""
    rows = [row for row in found if isinstance(row, Fitted)]
    note: dict[str, Any] = {
        "numbers": [row.number for row in rows],
        "names": [row.name for row in rows],
        "labels": [row.label for row in rows],
        "psnr": [None if row.psnr is None or math.isnan(row.psnr) else row.psnr for row in rows],
        "skipped": {row.name: row.reason for row in found if isinstance(row, Skipped)},
    }
    content = b""
    if rows:
        content = npy_bytes(np.stack([row.vector for row in rows]).astype(np.float32))
        write_bytes(_vectors(folder, number), content)
    note["sha256"] = hashlib.sha256(content).hexdigest()
    write_bytes(_note(folder, number), (json.dumps(note) + "\n").encode())


def is_whole(folder: Path, number: int) -> bool:
    """Whether a shard is there, and as it was written."""
    try:
        note = read_note(folder, number)
        content = _vectors(folder, number).read_bytes() if note.names else b""
    except (OSError, UserError):
        return False
    return hashlib.sha256(content).hexdigest() == note.digest


def read_note(folder: Path, number: int) -> Note:
    """A shard's note. Raises UserError if it is missing, or none."""
    path = _note(folder, number)
    found = read_json(path, _REMEDY)
    try:
        note = Note(*(found[name] for name in _ENTRIES))
        if _is_good(note):
            return note
    except (KeyError, TypeError):
        pass
    raise UserError(f"{shown(path)} is no note of a shard of fields; {_REMEDY}")


def _is_good(note):
    return (
        len(note.names) == len(note.labels) == len(note.psnr) == len(note.numbers) <= SHARD
        and all(isinstance(number, int) for number in note.numbers)
        and all(isinstance(name, str) for name in note.names)
        and all(label is None or isinstance(label, str) for label in note.labels)
        and all(value is None or isinstance(value, float | int) for value in note.psnr)
        and isinstance(note.skipped, Mapping)
        and isinstance(note.digest, str)
    )


def read_vectors(folder: Path, number: int, size: int) -> np.ndarray:
    """A shard's vectors [n, size], read from the disk as they are used.

    Raises UserError if they are not those that its note tells of.
    """
    path, note = _vectors(folder, number), read_note(folder, number)
    if not note.names:
        return np.empty((0, size), np.float32)
    check_regular(path, "vectors of fields", _REMEDY)
    # As many bytes as the note's rows take, behind a short header: nothing else is read at all.
    expected, found = 4 * size * len(note.names), path.stat().st_size
    if not 0 < found - expected < 4096:
        raise UserError(
            f"{shown(path)} has {found} bytes where {len(note.names)} vectors of {size} numbers "
            f"are expected; {_REMEDY}"
        )
    try:
        vectors = load_npy(path)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{shown(path)} cannot be read ({error}); {_REMEDY}") from error
    if vectors.shape != (len(note.names), size) or vectors.dtype != np.float32:
        raise UserError(
            f"{shown(path)} holds {vectors.dtype}{list(vectors.shape)} where "
            f"float32[{len(note.names)}, {size}] is expected; {_REMEDY}"
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != note.digest:
        raise UserError(f"{shown(path)} is not as it was written; {_REMEDY}")
    return vectors


def check_shards(folder: Path, num_shards: int) -> list[Note]:
    """The notes of all shards of a split. Raises UserError if one is missing or none."""
    return [read_note(folder, number) for number in range(num_shards)]


def _vectors(folder, number):
    return folder / f"{number:05d}.npy"


def _note(folder, number):
    return folder / f"{number:05d}.json"

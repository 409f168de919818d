"""Kinds of files that a base may be for: how they become values in its range, and files again."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.fitting.pictures_io import encode_png, quantised
from experiments.media.sounds import write_sound
from metainr.codec.codec import About
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.media.folders import below
from metainr.media.images.pictures import SUFFIXES, read_picture
from metainr.media.numpy_files import load_npy
from metainr.media.recordings.sounds import ENDINGS, level, read_sound, resampled

_LEVELS = 65535
_PICTURES = {
    ("colour", "grey")[is_grey] if bits == 8 else ("deep colour", "deep grey")[is_grey]: (
        bits,
        is_grey,
    )
    for bits in (8, 16)
    for is_grey in (False, True)
}

Read = tuple[np.ndarray, About]


class Kind(NamedTuple):
    """A kind of files.

    what: they are, in the singular.
    endings: of their names.
    suffix: of those that are written.
    read: path -> (values [*shape, c] in the base's range, what else a file says of them).
    stored: (values, that) -> the values that a written file has.
    write: (path, values, that) writes a file.
    """

    what: str
    endings: frozenset[str]
    suffix: str
    read: Callable[[Path], Read]
    stored: Callable[[np.ndarray, About], np.ndarray]
    write: Callable[[Path, np.ndarray, About], Any]


def kind_of_base(record: Mapping[str, Any]) -> Kind:
    """The kind of files that a base of this record is for: pictures, sounds or arrays."""
    experiment = record.get("experiment")
    if experiment == "image_regression":
        return _pictures()
    return _sounds(int(record["sample_rate"])) if experiment == "audio" else _arrays()


def kind_of_file(kind: str) -> Kind:
    """The kind of files that a compressed one becomes again, by what its header calls it."""
    if kind in _PICTURES:
        return _pictures()
    return _sounds(0) if kind == "sound" else _arrays()


def names_of(kind: Kind, root: Path) -> list[str]:
    """The files of a kind in a folder and below it, or the one file: names relative to it, sorted.

    Raises UserError if there are none.
    """
    return named(root, kind.endings, f"{kind.what}s", "input")


def named(root: Path, endings: frozenset[str], what: str, flag: str) -> list[str]:
    """As `names_of`, by endings. Raises UserError that calls them `what`, from --`flag`."""
    if root.is_file():
        return [root.name]
    if not root.is_dir():
        raise UserError(f"--{flag}={root} does not exist; name a file, or a folder of {what}")
    found = below(root, lambda path: path.suffix.lower() in endings and path.is_file())
    if not found:
        raise UserError(
            f"--{flag}={root} has no {what}; put files there that end in "
            f"{', '.join(sorted(endings))}"
        )
    return [path.relative_to(root).as_posix() for path in found]


def _pictures():
    def read(path):
        picture = read_picture(path)
        kind = {told: kind for kind, told in _PICTURES.items()}[picture.bits, picture.is_grey]
        return picture.values, About(kind)

    def stored(values, about):
        bits, is_grey = _PICTURES[about.kind]
        levels = quantised(values, bits, is_grey).astype(np.float32) / np.float32(2**bits - 1)
        return np.broadcast_to(levels, values.shape)

    def write(path, values, about):
        write_bytes(path, encode_png(quantised(values, *_PICTURES[about.kind])))

    return Kind("picture", SUFFIXES, ".png", read, stored, write)


def _sounds(rate):
    def read(path):
        sound, own_rate = read_sound(path)
        sound = resampled(sound, own_rate, rate)
        peak = level(sound, len(sound))
        coded = min(_LEVELS, max(1, round(_LEVELS * peak)))
        return (sound / peak).astype(np.float32), About("sound", rate, coded)

    def stored(values, about):
        peak = about.level / _LEVELS
        return np.round(values * peak * 32767) / np.float32(32767 * peak)

    def write(path, values, about):
        write_sound(path, values * (about.level / _LEVELS), about.rate)

    return Kind("sound", ENDINGS, ".wav", read, stored, write)


def _arrays():
    def read(path):
        try:
            return np.asarray(load_npy(path), np.float32), About()
        except (ValueError, EOFError, OSError) as error:
            raise UserError(f"cannot read array {path}: {error}; give an undamaged .npy") from error

    def write(path, values, about):
        stream = io.BytesIO()
        np.save(stream, values)
        write_bytes(path, stream.getvalue())

    return Kind("array", frozenset({".npy"}), ".npy", read, lambda values, about: values, write)

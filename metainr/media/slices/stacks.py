"""Files of one or more grey slices, in the intensities that they store."""

import contextlib
import importlib
import stat
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError, first_line
from metainr.media.images.levels import read_levels
from metainr.media.numpy_files import load_npy
from metainr.media.opening import check_regular
from metainr.media.slices.dicom import is_dicom, read_dicom
from metainr.media.slices.nifti import read_nifti
from metainr.media.slices.volume import ROUNDED, About, Spacing, Volume, is_rounded

_DICOM = (".dcm", ".dicom", ".ima")
_NIFTI = (".nii", ".nii.gz")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
SUFFIXES = (*_PICTURES, ".npy", *_DICOM, *_NIFTI)
_STARTS = {
    b"\x93NUMPY": "npy",
    b"\x89PNG": "picture",
    b"\xff\xd8\xff": "picture",
    b"II*\0": "picture",
    b"MM\0*": "picture",
}
_HEAD = 132  # bytes that tell a format
_CHANNELS = 4  # of an array; a last axis that is longer is one of pixels
_LONGEST = 128  # pixels, in their own widths: longer ones are a mistake
_SQUARE = "the spacing of its pixels is unknown: they are taken as square"
_MAYBE_LAST = "its shape {} is cut along the first axis; give axis 2 if slices lie along the last"
_UNCUT = "it is a single slice and not cut along axis {}"


class Slices(NamedTuple):
    """Slices of a file.

    values: float32 [k, h, w].
    spacing: (from row to row, from column to column) in one unit; (1, 1) if it is unknown.
    """

    values: np.ndarray
    spacing: tuple[float, float]
    about: About


def read_stack(path: Path, axis: int | None = None) -> np.ndarray:
    """The values of `read_slices`: float32 [k, h, w]; what it notes is logged."""
    found = read_slices(path, axis)
    for note in found.about.notes:
        logging.warning("%s: %s", path, note)
    return found.values


def read_slices(path: Path, axis: int | None = None) -> Slices:
    """Reads a file's slices, k = 1 for a single picture.

    Pictures keep their levels (0 to 255, or 65535 with 16 bits) and are upright, colours become
    grey; pages of a TIFF are slices. DICOM frames are rescaled as their file says (CT: to
    Hounsfield units), stand in the order of their positions, and their padding becomes the lowest
    value beside it. NIfTI volumes are turned: slices have the front, or the top, above, and the
    body's right on the right.

    Args:
        path: its content says the format; its name where that does not, see `SUFFIXES`.
        axis: 0, 1 or 2, along which a 3-D array is cut; None: 2 for NIfTI, else 0. Single slices
            are not cut.
    Raises UserError if the file is damaged or no such thing, if pydicom or nibabel is needed and
    missing, and if a value is NaN or infinite. The last two are `Unusable`.
    """
    check_regular(path, "slices")
    with damage_told(path):
        kind = kind_of(path)
        volume = _volume(kind, path)
        stack, spacing, notes = _cut(path, volume, kind, axis)
    bad = np.argwhere(~np.isfinite(stack))
    if len(bad):
        index, row, column = bad[0]
        raise Unusable(
            f"{path} has {len(bad)} values that are NaN or infinite, the first in slice {index}, "
            f"row {row}, column {column}; replace them"
        )
    about, stored = volume.about, volume.values.dtype
    unit = about.unit or (f"levels of {8 * stored.itemsize} bits" if stored.kind == "u" else None)
    return Slices(stack, spacing, about._replace(unit=unit, notes=(*about.notes, *notes)))


class Unusable(UserError):
    """A mistake that is more than one damaged file: leaving the file out would hide it."""


def is_stack(path: Path) -> bool:
    """Whether a file is one that `read_stack` reads.

    By its name, or by its content if it is DICOM, whose names may end in anything, or if its name
    has no suffix.
    """
    if _of_name(path):
        return True
    try:
        kind = _of_content(path) if stat.S_ISREG(path.stat().st_mode) else None
    except OSError:
        return False
    return path.name.upper() != "DICOMDIR" and (kind == "dicom" or bool(kind and not path.suffix))


def kind_of(path: Path) -> str:
    """What a file is by its content, else its name: "dicom", "nifti", "npy" or "picture"."""
    return _of_content(path) or _of_name(path) or "picture"


def _of_name(path):
    name = path.name.lower()
    if name.endswith(_DICOM):
        return "dicom"
    if name.endswith(_NIFTI):
        return "nifti"
    if name.endswith(".npy"):
        return "npy"
    return "picture" if name.endswith(_PICTURES) else None


def _of_content(path):
    with path.open("rb") as file:
        start = file.read(_HEAD)
    if is_dicom(start):
        return "dicom"
    return next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)


def _volume(kind, path):
    if kind == "dicom":
        return read_dicom(library("pydicom", f"reading {path}"), path)
    if kind == "nifti":
        return read_nifti(library("nibabel", f"reading {path}"), path)
    return Volume(load_npy(path)) if kind == "npy" else read_levels(path)


def library(name: str, task: str) -> ModuleType:
    """The optional library that a task needs. Raises Unusable if it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unusable(f"{task} needs {name}; run: pip install 'metainr[medical]'") from error


@contextlib.contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Raises UserError for whatever a decoder raises of a damaged file."""
    try:
        yield
    except UserError:
        raise
    # Decoders meet damage with exceptions of many kinds, SyntaxError among them.
    except Exception as error:
        raise UserError(
            f"cannot read {path}: {first_line(error)}; give undamaged grey slices"
        ) from error


def _cut(path, volume, kind, axis):
    """Slices float32 [k, h, w], their spacing, and what there is to say of them."""
    values, usual, notes = volume.values, 2 if kind == "nifti" else 0, []
    if values.ndim not in (2, 3):
        raise ValueError(f"its shape {values.shape} is no stack of slices")
    if not values.size:
        raise ValueError(f"its shape {values.shape} has no values")
    if kind == "npy" and axis is None and values.ndim == 3:
        if values.shape[2] <= _CHANNELS < min(values.shape[:2]):
            raise UserError(
                f"{path} has the shape {values.shape}, whose last axis may be channels; save "
                "slices as [k, h, w], or give axis 2"
            )
        if values.shape[0] == values.shape[1] != values.shape[2]:
            notes.append(_MAYBE_LAST.format(values.shape))
    along = usual if axis is None else axis
    if values.ndim == 2:
        if along != usual:
            notes.append(_UNCUT.format(axis))
        values, along = values[None], 0
    spacing = tuple(length for index, length in enumerate(volume.spacing) if index != along)
    # Plain pictures have square pixels; what is cut across them, or measured, may not.
    if is_rounded(values):
        notes.append(ROUNDED)
    if None in spacing and (along != usual or kind in ("dicom", "nifti")):
        notes.append(_SQUARE)
    stack = np.moveaxis(values, along, 0)
    if kind == "nifti":  # its axes lead to the right, to the front and up; rows go down
        stack, spacing = np.rot90(stack, axes=(1, 2)), spacing[::-1]
    with np.errstate(over="ignore"):  # told as infinite
        return np.asarray(stack, np.float32), _checked(spacing), notes


def _checked(spacing: Spacing) -> tuple[float, float]:
    rows, columns = spacing
    if rows is None or columns is None:
        return 1.0, 1.0
    if not 1 / _LONGEST <= rows / columns <= _LONGEST:
        raise ValueError(f"its pixels of {rows:g} by {columns:g} cannot be true")
    return rows, columns

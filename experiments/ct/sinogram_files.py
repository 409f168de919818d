"""Files of measured projections, as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from metainr.errors import UserError, first_line
from metainr.media import read_stack
from metainr.media.numpy_files import load_npy, load_npz
from metainr.media.opening import check_regular

_TEXTS = (".csv", ".txt")
_ANGLES, _SINOGRAM = "angles", "sinogram"
Read = TypeVar("Read")


def load_sinogram(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads (values, angles or None) as a file stores them: float64, values of any shape.

    NPY, NPZ, CSV or text of numbers, TIFF, PNG, JPEG (upright); only an NPZ can hold angles. Raises
    UserError if the file is missing or damaged, claims more than it can hold, or holds something
    else.
    """
    check_regular(path, "sinogram")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        arrays = _told(load_npz, path)
        angles = arrays.pop(_ANGLES, None)
        values = _one_of(arrays, _SINOGRAM, path).astype(np.float64)
        return values, None if angles is None else angles.astype(np.float64).ravel()
    if suffix in _TEXTS:
        return np.atleast_2d(_text(path)), None
    if suffix == ".npy":
        return _told(load_npy, path).astype(np.float64), None
    stack = read_stack(path)
    if len(stack) > 1:
        raise UserError(f"sinogram {path} has {len(stack)} pages; give a file of one")
    return stack[0].astype(np.float64), None


def load_angles(path: Path) -> np.ndarray:
    """Reads all numbers of an NPY or text file, row by row, or the angles of an NPZ: float64 [k].

    Raises UserError.
    """
    check_regular(path, "angles")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        values = _one_of(_told(load_npz, path), _ANGLES, path)
    else:
        values = _told(load_npy, path) if suffix == ".npy" else _text(path)
    return values.astype(np.float64).ravel()


def _one_of(arrays, name, path):
    """The array of that name, or the only one."""
    if name not in arrays and len(arrays) != 1:
        raise UserError(f"{path} holds {', '.join(arrays) or 'nothing'}; call the array {name!r}")
    return arrays[name] if name in arrays else next(iter(arrays.values()))


def _told(read: Callable[[Path], Read], path: Path) -> Read:
    try:
        return read(path)
    except Exception as error:  # zip, zlib and NumPy meet damage each in their own way
        raise UserError(
            f"cannot read {path}: {first_line(error)}; give an undamaged file of real numbers"
        ) from error


def _text(path):
    return _told(_numbers, path)


def _numbers(path):
    text = path.read_text(encoding="utf-8-sig")  # Excel's begins with a mark
    if ";" in text and "," in text:
        raise ValueError("it has both commas and semicolons, of which one may be a decimal point")
    return np.loadtxt(text.replace(",", " ").replace(";", " ").splitlines(), ndmin=2)

"""Files of measured projections, as they are."""

from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.media import read_stack


def load_sinogram(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads (values, angles or None) as a file stores them: float64, values of any shape.

    NPY, NPZ, CSV or text of numbers, TIFF, PNG, JPEG; only an NPZ can hold angles. Raises UserError
    if the file is missing or damaged, or holds something else.
    """
    if not path.is_file():
        raise UserError(f"sinogram {path} does not exist; give --sinogram a file")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _npz(path)
    if suffix in (".csv", ".txt"):
        return np.atleast_2d(_text(path)), None
    if suffix == ".npy":
        return _npy(path), None
    stack = read_stack(path)
    if len(stack) > 1:
        raise UserError(f"sinogram {path} has {len(stack)} pages; give a file of one")
    return stack[0].astype(np.float64), None


def load_numbers(path: Path) -> np.ndarray:
    """Reads all numbers of an NPY or text file, row by row: float64 [k]. Raises UserError."""
    return (_npy(path) if path.suffix.lower() == ".npy" else _text(path)).ravel()


def _npz(path):
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except Exception as error:  # zip, zlib and NumPy meet damage each in their own way
        raise UserError(f"cannot read sinogram {path}: {error}; give an undamaged NPZ") from error
    stored = arrays.pop("angles", None)
    if "sinogram" not in arrays and len(arrays) != 1:
        raise UserError(
            f"sinogram {path} holds {', '.join(arrays) or 'nothing'}; call the array 'sinogram'"
        )
    values = arrays["sinogram"] if "sinogram" in arrays else next(iter(arrays.values()))
    return _real(values, path), None if stored is None else _real(stored, path).ravel()


def _npy(path):
    try:
        values = np.load(path)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}; give an undamaged NPY") from error
    return _real(values, path)


def _real(values, path):
    if values.dtype.kind not in "biuf":
        raise UserError(f"{path} holds {values.dtype}; give real numbers")
    return values.astype(np.float64)


def _text(path):
    try:
        text = path.read_text(encoding="utf-8").replace(",", " ").replace(";", " ")
        return np.loadtxt(text.splitlines(), ndmin=2)
    except ValueError as error:
        raise UserError(f"cannot read {path}: {error}; give rows of numbers") from error

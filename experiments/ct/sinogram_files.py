"""Files of measured projections, as they are."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import logging

from metainr.errors import UserError, first_line
from metainr.media import read_stack
from metainr.media.numpy_files import load_npy, load_npz
from metainr.media.opening import check_regular
from metainr.media.slices.stacks import is_stack

_TEXTS = (".csv", ".txt", ".tsv", ".dat")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_APART = re.compile(r"[^\s,]\s+[^\s,]")
_ONE_COMMA = re.compile(r"[+-]?\d+,\d+")
_ZEROS = re.compile(r"\d+,0\d+(?![\d.])")
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+\.\d+"
_ALL_THOUSANDS = re.compile(
    rf"({_THOUSANDS})(?:, ?{_THOUSANDS})*|([+-]?[1-9]\d{{0,2}}(?:\.\d{{3}})+,\d+)"
)
_FEW = 3  # lines; a detector of fewer views may happen to count them
_ANGLES, _SINOGRAM = "angles", "sinogram"
Read = TypeVar("Read")


def load_sinogram(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads (values, angles or None) as a file stores them: float64, values of any shape.

    NPY, NPZ, CSV or text of numbers, TIFF, PNG, JPEG (upright); pages of a TIFF are slices, and
    only an NPZ can hold angles. Raises UserError if the file is missing or damaged, claims more
    than it can hold, or holds something else.
    """
    check_regular(path, "sinogram")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        arrays = _told(load_npz, path)
        angles = arrays.pop(_ANGLES, None)
        values = _one_of(arrays, _SINOGRAM, path).astype(np.float64)
        return values, None if angles is None else angles.astype(np.float64).ravel()
    if suffix in _TEXTS:
        values = np.atleast_2d(_text(path))
        _tell_counting(path, values)
        return values, None
    if suffix == ".npy":
        return _told(load_npy, path).astype(np.float64), None
    stack = _stack(path).astype(np.float64)
    return stack if len(stack) > 1 else stack[0], None


def _stack(path):
    try:
        return read_stack(path)
    except UserError as error:
        if is_stack(path):
            raise
        raise UserError(
            f"sinogram {path} is of no kind that is read; save it as NPY, NPZ, CSV or TIFF"
        ) from error


def _tell_counting(path, values):
    """Warns of a first column that counts the lines, as tables that were exported may have one."""
    counted = values[:, 0] - np.arange(len(values))
    if len(values) >= _FEW and (counted == counted[0]).all() and counted[0] in (0, 1):
        logging.warning(
            "sinogram %s: its first column counts the lines, and is read as a detector; remove it "
            "if it is none",
            path,
        )


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
    except UserError:
        raise
    except Exception as error:  # zip, zlib and NumPy meet damage each in their own way
        raise UserError(
            f"cannot read {path}: {first_line(error)}; give an undamaged file of real numbers"
        ) from error


def _text(path):
    return _told(_numbers, path)


def _numbers(path):
    """Float64 [lines, numbers a line]; what follows # is left out."""
    data = path.read_bytes()
    # Excel's texts begin with a mark of their encoding.
    is_wide = data.startswith(_UTF16)
    # Comments may be of another encoding; numbers are the same in all.
    text = data.decode("utf-16") if is_wide else data.decode("utf-8-sig", "replace")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = {number: line for number, line in enumerate(lines, 1) if line}
    if not lines:
        raise ValueError("it holds no numbers")
    if any('"' in line for line in lines.values()):
        raise _refused(path, "it has quotation marks: write numbers without them")
    if decimal := _decimal_commas(lines.values()):
        raise _refused(path, f"{decimal}, so commas may be decimal points: write points instead")
    if shown := _grouped(lines.values()):
        raise _refused(
            path,
            f"{shown!r} may be one number with commas in it, or several: write points for decimals "
            "and nothing between thousands",
        )
    rows = [_row(path, number, line) for number, line in lines.items()]
    for number, row in zip(lines, rows):
        if len(row) != len(rows[0]):
            raise _refused(
                path,
                f"line {number} holds {len(row)} numbers, and the first line {len(rows[0])}: give "
                "as many on every line",
            )
    return np.array(rows)


def _decimal_commas(lines):
    """What shows that commas may be decimal points; "" if nothing does."""
    lines = [line for line in lines if "," in line]
    if any(";" in line for line in lines):
        return "it has both commas and semicolons"
    if any(_APART.search(line) for line in lines):
        return "it has commas, and numbers with only spaces or tabs between them"
    if len(lines) > 1 and all(map(_ONE_COMMA.fullmatch, lines)):
        return "each line has two whole numbers with a comma between them"
    return ""


def _grouped(lines):
    """What shows that commas may be parts of numbers, as in 1,000.5 or 1.000,5; "" if nothing."""
    if zeros := next(filter(None, map(_ZEROS.search, lines)), None):
        return zeros[0]
    whole = [_ALL_THOUSANDS.fullmatch(line) for line in lines]
    return whole[0][1] or whole[0][2] if all(whole) else ""


def _row(path, number, line):
    """The numbers of a line, after the last of which may be one more comma or semicolon."""
    delimiter = next((mark for mark in ";," if mark in line), None)
    parts = [part.strip() for part in line.split(delimiter)]
    parts = parts if parts[-1] else parts[:-1]
    found = [_number(part) for part in parts]
    if set(found) <= {None} and any(parts):
        raise _refused(path, f"line {number} holds no numbers: remove it, or put # before it")
    if None in found:
        part = parts[found.index(None)]
        told = f"has {part!r}, which is no number," if part else "has nothing"
        raise _refused(path, f"line {number} {told} in column {found.index(None) + 1}: put one")
    return found


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _refused(path, mistake):
    return UserError(f"cannot read {path}: {mistake}")

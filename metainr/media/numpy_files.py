"""NPY and NPZ files, read only as far as they can hold what they claim."""

import io
import os
import zipfile
from pathlib import Path
from tokenize import TokenError

import numpy as np

from metainr.media.opening import check_claim

_LARGE = 2**27  # bytes
_START = b"\x93NUMPY"


def load_npy(path: Path) -> np.ndarray:
    """The real numbers of an NPY file, any shape and type, read from the disk as they are used.

    Raises ValueError, EOFError or OSError if it is damaged, claims more than it holds, or holds
    something else.
    """
    with path.open("rb") as file:
        if file.read(len(_START)) != _START:  # NumPy would advise to unpickle it
            raise ValueError("it does not begin as NPY does")
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (SyntaxError, TokenError) as error:  # NumPy reads old headers as Python would
        raise ValueError("its header is damaged") from error
    return _real(values, path.name)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of real numbers in an NPZ file, by name.

    Raises ValueError if it claims more than it can hold or holds something else, and what NumPy,
    zipfile and zlib do for other damage.
    """
    with zipfile.ZipFile(path) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
    check_claim((claimed,), os.path.getsize(path), _LARGE)
    with np.load(path, allow_pickle=False) as file:
        return {name: _real(file[name], name) for name in file.files}


def npy_bytes(array: np.ndarray) -> bytes:
    """The content of an NPY file of an array, row by row."""
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()


def _real(values, name):
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        kind = getattr(values, "dtype", type(values).__name__)
        raise ValueError(f"{name} holds {kind}, not real numbers")
    return values

"""Files of bare weights: `.safetensors` and `.npz` to write and read, others' to read.

Leaves are stored under flat names such as `dense_0/kernel`, so that any pytree of arrays can be
written; `metainr.weights.match_structure` gives what was read the pytree's structure again.
"""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from metainr.errors import UserError
from metainr.files import expanded, write_bytes
from metainr.json_files import parsed
from metainr.types import Params
from metainr.weights.archives import check_sizes
from metainr.weights.haiku_pickle import load_haiku_pickle
from metainr.weights.naming import flat_leaves, nested, reason, require_finite, shown
from metainr.weights.state_dict import is_state_dict, of_state_dict
from metainr.weights.torch_file import load_torch


def save_weights(
    path: str | Path, params: Params, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a pytree of arrays to a `.safetensors` or `.npz` file, whole or not at all.

    params: any pytree whose leaves are finite floats, integers or booleans of at most 64 bits; a
        leaf's name is its keys, attributes and positions joined by "/";
    metadata: texts kept beside them, see `load_metadata`.

    Raises UserError for another suffix, a leaf that is no such array, names that clash, and
    whatever keeps the file from being written; an older file of that name then stays as it was.
    """
    path = expanded(path)
    encode = _for_suffix(path, _WRITERS)
    arrays = _arrays(flat_leaves(params), path)
    content = encode(arrays, dict(metadata or {}))
    try:
        write_bytes(path, content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UserError(
            f"cannot write weights to {shown(path)}: {reason(error)}; name a file in a folder with "
            "room and permission to write"
        ) from error


def load_weights(path: str | Path) -> dict[str, Any]:
    """Reads a `.safetensors`, `.npz`, `.pkl`, `.pickle`, `.pt` or `.pth` file.

    Returns nested dicts of NumPy arrays, names split at "/": {"dense_0": {"kernel": …, "bias": …}}
    for a field of this library. Pickles of Haiku's linear layers and state dicts of PyTorch are
    converted, see `metainr.weights.haiku_pickle` and `metainr.weights.state_dict`; they may hold
    nothing but dicts and arrays, and no code in them is run.

    Raises UserError if there is no such file, it is of another kind or damaged, or a value is NaN
    or infinite.

    >>> metainr.weights.save_weights("small.npz", {"dense_0": {"bias": np.ones(3, np.float32)}})
    >>> metainr.weights.load_weights("small.npz")["dense_0"]["bias"].tolist()
    [1.0, 1.0, 1.0]
    """
    path = expanded(path)
    read = _for_suffix(path, _READERS)
    with _reading(path):
        return nested(_arrays(read(path), path))


def load_metadata(path: str | Path) -> dict[str, str]:
    """The texts that were saved beside the weights of a file; of pickles there are none.

    Raises UserError if there is no such file, or it is of another kind or damaged.
    """
    path = expanded(path)
    read = _for_suffix(path, _METADATA_READERS)
    with _reading(path):
        return read(path)


def _for_suffix(path, functions):
    if path.suffix.lower() not in functions:
        raise UserError(
            f"{shown(path)} has the suffix {shown(path.suffix)}; name a file that ends in "
            f"{' or '.join(functions)}"
        )
    return functions[path.suffix.lower()]


def _arrays(leaves, path):
    arrays = {name: _array(name, leaf) for name, leaf in leaves.items()}
    require_finite(arrays, str(path))
    return arrays


def _array(name, leaf):
    try:
        array = np.asarray(leaf)
    except Exception as error:  # whatever an object that is no array makes NumPy raise
        raise UserError(f"{shown(name)} of the weights is no array: {reason(error)}") from error
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise UserError(
            f"{shown(name)} of the weights is of type {shown(str(array.dtype))}, expected floats, "
            "integers or booleans; convert it, as bfloat16 to float32, or leave it out"
        )
    return array.astype(array.dtype.newbyteorder("="), order="C", copy=False)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        if not path.is_file():
            found = "is not a file" if path.exists() else "does not exist"
            raise UserError(f"{shown(path)} {found}; name a file of weights")
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"cannot read {shown(path)}: {reason(error)}; name a file that may be read"
        ) from error
    except Exception as error:  # whatever damage makes a reader raise
        raise UserError(
            f"{shown(path)} is not a readable {path.suffix} file of weights: {reason(error)}; "
            f"{_REMEDIES.get(path.suffix.lower(), 'restore it from a copy')} or name another"
        ) from error


def _write_npz(arrays, metadata):
    comment = json.dumps(metadata).encode() if metadata else b""
    if len(comment) > zipfile.ZIP_MAX_COMMENT:
        raise UserError(f"metadata of {len(comment)} bytes do not fit in .npz; use .safetensors")
    # Not numpy.savez: it takes names as keyword arguments, and some, as `file`, for its own.
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.comment = comment
    return content.getvalue()


def _read_npz(path):
    leaves = {}
    with zipfile.ZipFile(path) as archive:
        check_sizes(archive, path)
        for member in archive.namelist():
            with archive.open(member) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
            leaves[member.removesuffix(".npy")] = array
    return leaves


def _read_npz_metadata(path):
    with zipfile.ZipFile(path) as archive:
        metadata = parsed(archive.comment or b"{}")
    if not isinstance(metadata, dict):
        raise ValueError("its comment holds no texts by name")
    return metadata


def _read_pickle(path):
    return flat_leaves(load_haiku_pickle(path))


def _read_torch(path):
    return flat_leaves(of_state_dict(load_torch(path), str(path)))


def _read_safetensors(path):
    try:
        arrays = safetensors.numpy.load(path.read_bytes())
        return flat_leaves(of_state_dict(arrays, str(path))) if is_state_dict(arrays) else arrays
    except KeyError as error:  # how it says that NumPy has no such type
        raise UserError(
            f"{shown(path)} holds arrays of type {shown(error.args[0])}, which NumPy lacks; "
            "convert them to F32"
        ) from error


def _read_safetensors_metadata(path):
    with safetensors.safe_open(path, "numpy") as file:
        return file.metadata() or {}


_WRITERS = {".safetensors": safetensors.numpy.save, ".npz": _write_npz}
_READERS = {
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".pkl": _read_pickle,
    ".pickle": _read_pickle,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
_REMEDIES: dict[str, str] = dict.fromkeys(
    (".pt", ".pth"), "save model.state_dict() anew by torch.save,"
)
_METADATA_READERS = dict.fromkeys(_READERS, lambda path: {}) | {
    ".safetensors": _read_safetensors_metadata,
    ".npz": _read_npz_metadata,
}

"""Files of `torch.save`, read without PyTorch: a zip of a pickle and the bytes of its tensors.

Source: the format, `torch/serialization.py` and `torch/_utils.py` of PyTorch, the same since 1.6.
"""

import math
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from metainr.weights.archives import check_sizes
from metainr.weights.unpickler import StandIn, StoredArray, unpickle

_PICKLE = "data.pkl"


def load_torch(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict by name; no code in the file is run.

    Raises ValueError for what is no dict of floating tensors, or whatever damaged data make the
    standard library raise.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no file of PyTorch 1.6 or later")
    with zipfile.ZipFile(path) as archive:
        check_sizes(archive, path)
        name = next((x for x in archive.namelist() if x.endswith(f"/{_PICKLE}")), None)
        if name is None:
            raise ValueError(f"it has no {_PICKLE}")
        storages = _Storages(archive, name.removesuffix(_PICKLE))
        found = unpickle(archive.read(name), _ADMITTED, storages)
    if not isinstance(found, dict) or not found:
        raise ValueError("it holds no state dict")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, np.ndarray):
            raise ValueError(f"{str(name)[:40]!r} is no tensor")
    if sum(tensor.nbytes for tensor in found.values()) > storages.nbytes:
        raise ValueError("its tensors share memory, of which copies can be saved")
    return found


class _Storages:
    """The numbers that the tensors of a file are made of, read once each."""

    def __init__(self, archive: zipfile.ZipFile, root: str):
        order = f"{root}byteorder"
        is_big = order in archive.namelist() and archive.read(order) == b"big"
        self._archive, self._root, self._order = archive, root, ">" if is_big else "<"
        self._known: dict[str, np.ndarray] = {}

    @property
    def nbytes(self) -> int:
        """Of all that were read."""
        return sum(values.nbytes for values in self._known.values())

    def __call__(self, reference: Any) -> np.ndarray:
        """The flat array that a pickle refers to. Raises UnpicklingError for anything else."""
        kind, code, key, _, count = reference
        if kind != "storage" or code not in _CODES.values() or not isinstance(key, str):
            raise pickle.UnpicklingError("it refers to something that is no storage of floats")
        if key not in self._known:
            data = self._archive.read(f"{self._root}data/{key}")
            self._known[key] = np.frombuffer(data, f"{self._order}{code}")
        if self._known[key].size != count:
            raise pickle.UnpicklingError(
                f"a storage has {self._known[key].size} numbers where others are told"
            )
        return self._known[key]


def _tensor(storage, offset, size, stride, *_: Any):
    """A view of a storage, within its bounds."""
    whole = all(type(x) is int and x >= 0 for x in (offset, *size, *stride))
    if not isinstance(storage, np.ndarray) or not whole or len(size) != len(stride):
        raise pickle.UnpicklingError("it holds a tensor that is not made of floats")
    last = offset + sum((count - 1) * step for count, step in zip(size, stride))
    if not 0 < math.prod(size) <= storage.size or last >= storage.size:
        raise pickle.UnpicklingError("a tensor reaches beyond its storage, or is empty")
    steps = [step * storage.itemsize for step in stride]
    tensor = StoredArray()
    tensor.values = np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
    return tensor


def _parameter(tensor, *_: Any):
    return tensor


class _Mapping(dict):
    """`collections.OrderedDict`: what PyTorch notes on it besides is dropped."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


_CODES = {"FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2"}
_ADMITTED = {
    ("collections", "OrderedDict"): StandIn(_Mapping),
    ("torch._utils", "_rebuild_tensor_v2"): StandIn(_tensor),
    ("torch._utils", "_rebuild_parameter"): StandIn(_parameter),
    **{("torch", name): code for name, code in _CODES.items()},
}

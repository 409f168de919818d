"""Files as torch.save writes them, made without PyTorch."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from unittest import mock

import numpy as np


class _Storage:
    def __init__(self, number, array):
        self.number, self.array = number, array


class Tensor:
    """Pickles as a tensor does: a call of a function of PyTorch on a storage kept beside it."""

    def __init__(self, number, array, offset=0, size=None):
        self.storage, self.offset = _Storage(number, array), offset
        self.size = array.shape if size is None else size

    def __reduce__(self):
        stride = tuple(int(x) for x in np.cumprod([1, *self.size[:0:-1]])[::-1])
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, self.offset, self.size, stride, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def __init__(self, file, storages):
        super().__init__(file, 2)
        self.storages = storages

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        self.storages[obj.number] = obj.array
        names = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage"}
        kind = getattr(sys.modules["torch"], names[obj.array.dtype.str])
        return "storage", kind, str(obj.number), "cpu", obj.array.size


def pt_bytes(tensors):
    """What torch.save makes of a state dict {name: Tensor}, written without PyTorch."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "DoubleStorage", "HalfStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        pass

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    root = OrderedDict(tensors)
    root._metadata = OrderedDict({"": {"version": 1}})
    stream, content, storages = io.BytesIO(), io.BytesIO(), {}
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        _Pickler(stream, storages).dump(root)
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("siren/data.pkl", stream.getvalue())
        archive.writestr("siren/byteorder", "little")
        for number, array in storages.items():
            archive.writestr(f"siren/data/{number}", array.tobytes())
    return content.getvalue()


def tensors_of(arrays):
    return {name: Tensor(i, array) for i, (name, array) in enumerate(arrays.items())}

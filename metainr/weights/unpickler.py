"""Unpickles dicts of float arrays and nothing else.

A pickle is a program: it may name any function of any module and call it. Here it may name only
what a pickled mapping of arrays names, and even those names stand for inert objects: no function of
NumPy, JAX, Haiku or PyTorch runs on what a stranger's file says.

Sources: the format, `pickletools` of the standard library; how Haiku's mappings are pickled,
`__reduce__` in dm-haiku's `haiku/_src/data_structures.py`, the same in all its releases.
"""

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from metainr.weights.naming import shown

# A network of a hundred layers takes 8,000; nesting deeper than this overflows the C stack.
_MOST_OPCODES = 50_000
# The opcodes that make texts, bytes, names, arrays with their dtypes, and dicts.
_SHARED = re.compile("UNICODE|BYTE|GLOBAL|REDUCE|DICT")


Outside = Callable[[Any], Any]
"""What stands for an object that a pickle refers to, and that lies elsewhere in its file."""


def no_object(reference: Any) -> NoReturn:
    """Raises UnpicklingError: a pickle by itself refers to nothing outside."""
    raise pickle.UnpicklingError(f"it refers to the outside object {_brief(reference)}")


def unpickle(
    data: bytes,
    admitted: Mapping[tuple[str, str], Any] | None = None,
    outside: Outside = no_object,
) -> Any:
    """What a pickle of any protocol holds: dicts in the place of mappings.

    Float arrays up to the second level of nested dicts are ndarrays; nothing deeper is converted,
    since shared references let a small file describe a tree of any size.

    Args:
        data: the pickle.
        admitted: by module and name what stands for what it may name; None: what NumPy's, JAX's
            and Haiku's pickles do.
        outside: what stands for what it refers to.

    Raises pickle.UnpicklingError, or whatever damaged data makes the standard library raise.
    """
    _check_opcodes(data)
    root = _Unpickler(io.BytesIO(data), _ADMITTED if admitted is None else admitted, outside).load()
    if not isinstance(root, dict):
        return _array(root)
    return {name: _array_or_dict(branch) for name, branch in root.items()}


def _check_opcodes(data):
    """Refuses what could pass by `find_class`, or fill the memory or hang while it is loaded."""
    memo: dict[int, str] = {}
    previous = ""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        name = opcode.name
        if count > _MOST_OPCODES:
            raise pickle.UnpicklingError(f"it takes more than {_MOST_OPCODES} steps to read")
        if name.startswith("EXT"):  # served from a cache that bypasses find_class
            raise pickle.UnpicklingError(f"it asks for the registered extension {argument}")
        if name.endswith("PUT") or name == "MEMOIZE":
            index = len(memo) if name == "MEMOIZE" else argument or 0
            if index > count:  # the memo is filled with zeros up to there, 32 GB at worst
                raise pickle.UnpicklingError(f"its memo index {index} is out of order")
            memo[index] = previous
        # Hashing a tuple of shared tuples of shared tuples takes forever, and no Ctrl-C ends it.
        unshared = name.endswith("GET") and not _SHARED.search(memo.get(argument or 0, ""))
        if unshared or name == "DUP":
            raise pickle.UnpicklingError("it shares what a dict of arrays does not share")
        previous = name


class _Unpickler(pickle.Unpickler):
    """Resolves admitted names to stand-ins and refuses all others before anything is called."""

    def __init__(self, file: io.BytesIO, admitted: Mapping[tuple[str, str], Any], outside: Outside):
        super().__init__(file)
        self._admitted, self._outside = admitted, outside

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for `module.name`. Raises UnpicklingError if that is not admitted."""
        if (module, name) not in self._admitted:
            raise pickle.UnpicklingError(f"it asks for {shown(f'{module}.{name}')}, refused unrun")
        return self._admitted[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """The stand-in for what lies elsewhere in the file."""
        return self._outside(pid)


class StandIn:
    """A callable under an admitted name, which the BUILD opcode cannot change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]):
        self._call = call

    def __call__(self, *args: Any) -> Any:
        """What the stand-in makes of the arguments."""
        return self._call(*args)

    def __setstate__(self, state: Any) -> NoReturn:
        raise pickle.UnpicklingError("it changes a function")


class _StoredDtype:
    """`numpy.dtype`: made of a code such as "f4", given its byte order by BUILD."""

    def __init__(self, code: Any, *_: Any):
        if code not in ("f2", "f4", "f8"):
            raise pickle.UnpicklingError(
                f"it holds an array of dtype {_brief(code)}, not of floats"
            )
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "="):
            raise pickle.UnpicklingError(f"it holds an array of byte order {_brief(order)}")
        self.dtype = self.dtype.newbyteorder(order)


class StoredArray:
    """`numpy.ndarray`: made empty, given shape, dtype, order and bytes by BUILD."""

    def __init__(self, *_: Any):
        self.values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.values = _values(data, dtype, shape, "F" if fortran else "C")


def _values(data, dtype, shape, order):
    """A native, C-ordered copy; its memory is bounded by the bytes that are in the file."""
    if not isinstance(dtype, _StoredDtype) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("it holds an array that is not made of floats")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise pickle.UnpicklingError("it holds an array whose shape is not made of sizes")
    values = np.frombuffer(data, dtype.dtype).reshape(shape, order=order)
    return np.array(values, dtype.dtype.newbyteorder("="), order="C")


def _from_buffer(data, dtype, shape, order):
    array = StoredArray()
    array.values = _values(data, dtype, shape, order)
    return array


def _from_jax(_function, _arguments, state, _weak_type):
    array = StoredArray()
    array.__setstate__(state)
    return array


def _encode(text, encoding):
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes in encoding {_brief(encoding)}")
    return str.encode(text, "latin1")


def _array_or_dict(branch):
    if isinstance(branch, dict):
        return {name: _array(leaf) for name, leaf in branch.items()}
    return _array(branch)


def _array(leaf):
    return leaf.values if isinstance(leaf, StoredArray) else leaf


def _brief(value):
    """A text, or the type of anything else: a repr follows shared references without end."""
    return shown(value) if isinstance(value, str) else f"of type {type(value).__name__}"


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_HAIKU = ("FlatMapping", "FlatMap", "frozendict", "FrozenDict")

_ADMITTED = {
    ("numpy", "ndarray"): StandIn(StoredArray),
    ("numpy", "dtype"): StandIn(_StoredDtype),
    ("_codecs", "encode"): StandIn(_encode),  # how protocols 0 to 2 spell bytes
    ("jax._src.array", "_reconstruct_array"): StandIn(_from_jax),
    ("collections", "OrderedDict"): StandIn(dict),
    **{(module, "_reconstruct"): StandIn(StoredArray) for module in _MULTIARRAY},
    **{(module, "_frombuffer"): StandIn(_from_buffer) for module in _NUMERIC},
    **{("haiku._src.data_structures", name): StandIn(dict) for name in _HAIKU},
}

"""Arrays of a user's own as a class of signals: checked, scaled to [0, 1] and split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.signals.access import SPLITS, checked_access
from metainr.types import SignalClass

_SHARE = 10  # one signal in so many is for validation, and one for tests
_SHOWN = 3
_LEVELS = 255
_FEW = 4  # channels of pictures; such arrays of more channels than rows are PyTorch's


def of_arrays(
    arrays: Any,
    *,
    axes: int = 2,
    value_range: tuple[float, float] | None = None,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
) -> SignalClass:
    """A class of the signals in an array: images, or sounds (`axes=1`), or volumes (`axes=3`).

    Integers without a sign and booleans are scaled by the largest of their type. Floats must lie in
    [0, 1] already, unless `value_range` says what is to become 0 and 1. Of what is not given, a
    tenth of the arrays each, drawn by `seed`, becomes the splits for validation and tests.

    Args:
        arrays: n signals [n, *grid, c], or [n, *grid] for one channel; a sequence of them will do.
        axes: number of the grid's axes.
        value_range: (lowest, highest) value.
        validation, test: signals for these splits, of the same shape.
        seed: of the split.

    Raises:
        UserError: an array has another shape, no values or such as no file holds (NaN, infinite,
            outside the range), or there are too few to split.

    >>> sounds = metainr.signals.of_arrays(np.zeros((20, 400)), axes=1, value_range=(-1, 1))
    >>> sounds.get("train", 0).shape
    (400, 1)
    """
    train = checked_signals(arrays, "arrays", axes, value_range)
    given = {"validation": validation, "test": test}
    splits = {
        name: checked_signals(held, name, axes, value_range)
        for name, held in given.items()
        if held is not None
    }
    for name, held in splits.items():
        if held.shape[1:] != train.shape[1:]:
            raise UserError(
                f"{name}: signals of shape {_listed(held.shape[1:])}, and arrays has "
                f"{_listed(train.shape[1:])}; give signals of one shape"
            )
    missing = [name for name in given if name not in splits]
    count = max(1, len(train) // _SHARE)
    if len(train) <= count * len(missing):
        raise UserError(
            f"arrays: too few signals, {len(train)}, to take {' and '.join(missing)} from; give "
            f"{len(missing) + 1} at least, or {' and '.join(f'{name}=' for name in missing)}"
        )
    order = np.random.default_rng(seed).permutation(len(train))
    for i, name in enumerate(missing):
        splits[name] = train[order[i * count : (i + 1) * count]]
    splits["train"] = train[order[count * len(missing) :]]
    sizes = {name: len(splits[name]) for name in SPLITS}
    return checked_access(sizes, lambda split, index: splits[split][index])


def checked_signals(
    arrays: Any, name: str, axes: int, value_range: tuple[float, float] | None = None
) -> np.ndarray:
    """Signals float32 [n, *grid, c] with values in [0, 1], as `of_arrays` checks and scales them.

    Raises UserError that calls them `name`, says what came and what was expected.
    """
    array = _stacked(arrays, name)
    expected = f"[n, {', '.join('hwd'[:axes] if axes > 1 else 't')}, c]"
    if array.ndim == axes + 1 and not (axes == 2 and array.shape[-1] in (3, 4)):
        array = array[..., None]
    if array.ndim != axes + 2:
        raise UserError(
            f"{name}: an array of shape {_listed(array.shape)} where {expected} is expected, n "
            f"signals of c channels{_remedy(array, axes)}"
        )
    if 0 in array.shape:
        raise UserError(f"{name}: an array of shape {_listed(array.shape)} holds no values")
    _warn_of_channels_first(array, name)
    return _in_unit_range(array, name, value_range)


def _stacked(arrays, name):
    try:
        array = np.asarray(arrays)
    except ValueError:  # of several shapes
        array = np.empty(0, object)
    if array.dtype == object:
        shapes = list(dict.fromkeys(_listed(np.shape(x)) for x in arrays))
        if len(shapes) == 1:
            raise UserError(f"{name}: values of type object; give integers or floats")
        shown = ", ".join(shapes[:_SHOWN]) + (", …" if len(shapes) > _SHOWN else "")
        raise UserError(f"{name}: arrays of several shapes, {shown}; give signals of one shape")
    if array.dtype.kind not in "buif":
        raise UserError(f"{name}: values of type {array.dtype}; give integers or floats")
    return array


def _warn_of_channels_first(array, name):
    shape = array.shape
    if shape[1] <= _FEW < shape[-1]:
        logging.warning(
            "%s: shape %s is read as %s points of %d channels; where channels come first, give "
            "np.moveaxis(array, 1, -1)",
            *(name, _listed(shape), " × ".join(map(str, shape[1:-1])), shape[-1]),
        )


def _remedy(array, axes):
    if array.ndim == axes + 1:
        return "; give array[None] if it is one signal, array[..., None] for one channel"
    return "" if array.ndim > axes + 1 else "; give array[None] if it is one signal"


def _in_unit_range(array, name, value_range):
    if array.dtype.kind in "bu" and value_range is None:
        highest = 1 if array.dtype.kind == "b" else np.iinfo(array.dtype).max
        return (array / np.float32(highest)).astype(np.float32)
    low, high = (0.0, 1.0) if value_range is None else value_range
    if not low < high or not np.isfinite([low, high]).all():
        raise UserError(f"value_range: {value_range} is no range; give (lowest, highest)")
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not finite.all():
        raise UserError(
            f"{name}: signal {int(np.argmin(finite))} holds NaN or infinite values; replace them, "
            "or leave that signal out"
        )
    found = float(array.min()), float(array.max())
    if found[0] < low or found[1] > high:
        levels = low == 0 and high == 1 and 0 <= found[0] and found[1] <= _LEVELS
        by = f"divide them by {_LEVELS} if they are levels of 8 bits" if levels else "scale them"
        raise UserError(
            f"{name}: values from {found[0]:g} to {found[1]:g}, expected {low:g} to {high:g}; {by},"
            f" or let metainr.signals.of_arrays(…, value_range=({found[0]:g}, {found[1]:g})) do so"
        )
    return ((array - low) / (high - low)).astype(np.float32)


def _listed(shape: Sequence[int]) -> str:
    return str(list(shape))

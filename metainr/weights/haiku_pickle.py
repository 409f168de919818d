"""Weights as the paper's authors publish theirs: a pickled Haiku mapping of linear layers.

`{"siren__model/siren_layer_1/linear": {"w": [in, out], "b": [out]}, …}` becomes
`{"dense_1": {"kernel": [in, out], "bias": [out]}, …}`. Haiku itself is not needed.

Source: github.com/tancik/learnit, whose notebooks pickle `hk.transform(…).init(…)`.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.weights.chain import chain_of
from metainr.weights.naming import reason, shown
from metainr.weights.unpickler import unpickle

_LARGEST = 2**30
_SPELLINGS = (("w", "b"), ("kernel", "bias"))
_REMEDY = "save the weights as .safetensors with names such as dense_0/kernel instead"


def load_haiku_pickle(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Reads a chain of linear layers, in the order in which Haiku numbers them.

    The layers' names may differ in one number `_k` only, where none means 0: `mlp/linear`,
    `mlp/linear_1`, …. Layers of {"kernel", "bias"} are accepted as well.

    Raises UserError if the file is larger than 1 GiB, is damaged, asks for anything but dicts and
    arrays (which is refused without being run) or holds anything but such a chain; OSError if it
    cannot be opened.
    """
    path = Path(path)
    if (size := path.stat().st_size) > _LARGEST:
        raise UserError(f"{shown(path)} has {size} bytes, too many for a pickle; {_REMEDY}")
    data = path.read_bytes()
    try:
        layers = _layers(unpickle(data))
        return chain_of({name: layers[name] for name in _numbered(list(layers))})
    except Exception as error:  # damaged data makes the unpickler raise nearly anything
        raise UserError(
            f"{shown(path)} is not a pickle of a field's weights: {reason(error)}; {_REMEDY}"
        ) from error


def _layers(root: Any):
    """The layers {name: (kernel, bias)} of an unpickled object. Raises ValueError."""
    if not isinstance(root, dict) or not root:
        raise ValueError(f"it holds {_kind(root)}, expected a dict of linear layers")
    layers = {}
    for name, layer in root.items():
        pair = _kernel_and_bias(layer)
        if not isinstance(name, str) or pair is None:
            raise ValueError(f"{_word(name)} is {_kind(layer)}, expected w [in, out] and b [out]")
        layers[name] = pair
    return layers


def _kernel_and_bias(layer):
    for kernel, bias in _SPELLINGS:
        if isinstance(layer, dict) and layer.keys() == {kernel, bias}:
            pair = layer[kernel], layer[bias]
            if all(isinstance(array, np.ndarray) for array in pair):
                fits = pair[0].ndim == 2 and pair[1].shape == pair[0].shape[1:]
                return pair if fits else None
    return None


def _kind(value):
    """What a value is: types and shapes only, since its repr may be of any size."""
    if not isinstance(value, dict):
        return _word(value)
    parts = [f"{_word(key)}: {_word(part)}" for key, part in value.items()]
    return shown(", ".join(parts)) if parts else "nothing"


def _word(value):
    if isinstance(value, np.ndarray):
        return str(list(value.shape))
    return shown(value) if isinstance(value, str) else type(value).__name__


def _numbered(names):
    """Sorts names by the one number in which they differ, as 10 after 9. Raises ValueError."""
    split = {name: [_stem_and_number(part) for part in name.split("/")] for name in names}
    if len({tuple(stem for stem, _ in parts) for parts in split.values()}) > 1:
        raise ValueError(f"its layers are of several kinds: {shown(', '.join(sorted(names)))}")
    numbers = {name: [number for _, number in parts] for name, parts in split.items()}
    order = sorted(names, key=lambda name: numbers[name])
    varying = [column for column in zip(*(numbers[n] for n in order)) if len(set(column)) > 1]
    if len(order) > 1 and varying != [tuple(range(len(order)))]:
        raise ValueError(
            f"its layers are not numbered from 0 to {len(names) - 1}: {shown(', '.join(order))}"
        )
    return order


def _stem_and_number(part):
    match = re.fullmatch(r"(.*?)_(\d{1,6})", part, re.DOTALL)
    return (match[1], int(match[2])) if match else (part, 0)

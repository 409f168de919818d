"""State dicts of PyTorch's SIRENs and MLPs, as chains of linear layers.

`{"net.0.linear.weight": [out, in], "net.0.linear.bias": [out], …}` becomes
`{"dense_0": {"kernel": [in, out], "bias": [out]}, …}`. A state dict says nothing of ω0, of other
activations, or of how coordinates lie: the field must be told.

Sources of the names: github.com/vsitzmann/siren, its notebook `explore_siren.ipynb` and its
`modules.py`; github.com/lucidrains/siren-pytorch; `torch.nn.Sequential`.
"""

import math
import re
from collections.abc import Mapping

import numpy as np

from metainr.errors import UserError
from metainr.weights.chain import Layer, chain_of
from metainr.weights.naming import shown

# What stands around the number of a layer; the last one may be called so instead.
_LAYER = re.compile(r"((?:\w+\.)*?)(\d{1,6}|last_layer)(\.linear|\.0|)", re.ASCII)
_KNOWN = "net.0.linear … net.4, net.net.0.0 … net.net.4.0, layers.0 … last_layer, and 0, 2, 4"
_BUFFERS = ("grid",)  # of siren-pytorch's SirenWrapper: coordinates, no weights
_MOST_SHOWN = 3


def is_state_dict(names: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays have the names that PyTorch gives to layers' weights."""
    return any(name.endswith(".weight") for name in names)


def of_state_dict(
    arrays: Mapping[str, np.ndarray], source: str
) -> dict[str, dict[str, np.ndarray]]:
    """The chain of linear layers that a state dict holds; layers without biases get zeros.

    `source`: the file, for messages. Raises UserError, with names that it found, for a state dict
    of anything else.
    """
    try:
        layers = _layers(arrays)
        return chain_of({name: layers[name] for name in _ordered(list(layers))})
    except ValueError as error:
        raise UserError(
            f"weights in {shown(source)} are no chain of linear layers that is known: {error}; "
            f"name the layers as one of these: {_KNOWN}, each with weight and bias"
        ) from error


def _layers(arrays) -> dict[str, Layer]:
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        if name in _BUFFERS:
            continue
        layer, _, part = name.rpartition(".")
        if part not in ("weight", "bias"):
            raise ValueError(f"it holds {_some(arrays)}")
        parts.setdefault(layer, {})[part] = array
    layers = {}
    for layer, found in parts.items():
        weight = found.get("weight")
        if weight is None or weight.ndim != 2:
            raise ValueError(f"{shown(layer)} has no weight [out, in]")
        bias = found.get("bias", np.zeros(weight.shape[0], weight.dtype))
        if bias.shape != weight.shape[:1]:
            raise ValueError(
                f"{shown(layer)} has a weight {list(weight.shape)} and a bias {list(bias.shape)}"
            )
        layers[layer] = weight.T, bias
    return layers


def _ordered(names):
    """The layers from the first to the last, by their numbers."""
    forms = {name: form for name in names if (form := _LAYER.fullmatch(name))}
    if not names or len(forms) < len(names):
        raise ValueError(f"it holds {_some(names)}")
    numbers = {name: _number(form[2]) for name, form in forms.items()}
    *hidden, last = sorted(names, key=lambda name: numbers[name])
    kinds = {forms[name].group(1, 3) for name in hidden}
    if len(kinds) > 1 or len(set(numbers.values())) < len(names):
        raise ValueError(f"its layers are of several kinds: {_some(names)}")
    for prefix, inner in kinds:
        if inner == ".linear" and forms[last][3] == inner:
            raise ValueError(f"a sine follows its last layer {shown(last)}, where ours is linear")
        is_last = forms[last][2] == "last_layer" and not inner
        if not is_last and forms[last].group(1, 3) != (prefix, inner.replace(".linear", "")):
            raise ValueError(f"its layers are of several kinds: {_some(names)}")
    return [*hidden, last]


def _number(text):
    return math.inf if text == "last_layer" else int(text)


def _some(names):
    shown_names = [shown(name) for name in list(names)[:_MOST_SHOWN]]
    more = len(names) - _MOST_SHOWN
    return ", ".join(shown_names) + (f" and {more} more" if more > 0 else "")

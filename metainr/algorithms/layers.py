"""Which of a field's weights are those of which linear layer, told by their names."""

import re

import jax

from metainr.errors import UserError
from metainr.types import Array, Params

_BIAS = re.compile(r"(?P<layer>.*?)bias(?P<number>_\d+)?")


def biases(params: Params) -> dict[str, Array]:
    """The biases of a field's linear layers by their names, in the order of the layers."""
    leaves = by_name(params)
    names = [name for name in leaves if _BIAS.fullmatch(name.rpartition("/")[2])]
    return {name: leaves[name] for name in sorted(names, key=_natural)}


def last_layer(params: Params) -> list[str]:
    """The names of the last linear layer's weights. Raises UserError for a field without layers."""
    found = biases(params)
    if len(found) < 2:
        raise UserError(
            "this field has no last linear layer after others, by the names of its weights; use "
            "another field, such as siren, or another algorithm"
        )
    return layer_of(params, list(found)[-1])


def layer_of(params: Params, bias: str) -> list[str]:
    """The names of the weights of the linear layer that a bias belongs to."""
    folder, _, name = bias.rpartition("/")
    match = _BIAS.fullmatch(name)
    layer, number = (match["layer"], match["number"] or "") if match else ("", "")
    return [
        name
        for name in by_name(params)
        if name.rpartition("/")[0] == folder
        and re.fullmatch(rf"{re.escape(layer)}[a-z]+{number}", name.rpartition("/")[2])
    ]


def by_name(params: Params) -> dict[str, Array]:
    """A field's weights by their names, such as "params/dense_0/bias"."""
    return {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def replaced(params: Params, leaves: dict[str, Array]) -> Params:
    """The weights, those that are named being others."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaves.get(leaf_name(path), leaf), params
    )


def leaf_name(path: tuple) -> str:
    """The name of the weight at a path of `jax.tree_util`."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _natural(name):
    """A key that sorts dense_10 after dense_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

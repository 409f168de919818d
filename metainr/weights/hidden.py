"""The hidden layers of networks: what fields of other coordinates and values have in common."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax

from metainr.types import Field, Params


def hidden_layers(make: Callable[[int, int], Field]) -> list[str]:
    """Names of the layers whose shapes know neither coordinates nor values.

    `make`: (number of coordinates, number of channels) -> the field, whose params are a mapping of
    layers by name. Of a plain network these are all layers but the first and the last.

    >>> make = lambda d, c: metainr.fields.make("siren", depth=4, in_dim=d, out_dim=c)
    >>> metainr.weights.hidden_layers(make)
    ['dense_1', 'dense_2']
    """
    first, second = (_shapes(make(dim, dim)) for dim in (1, 2))
    return [name for name in first if first[name] == second.get(name)]


def with_layers(params: Params, source: Mapping[str, Any], names: Collection[str]) -> Params:
    """The params with the layers of these names from elsewhere."""
    return {**params, **{name: source[name] for name in names}}


def _shapes(field):
    layers = jax.eval_shape(field.init, jax.random.key(0))
    return {name: jax.tree.map(lambda leaf: leaf.shape, layers[name]) for name in sorted(layers)}

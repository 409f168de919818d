"""How an image and its derivatives are shown: value, gradient and Laplacian in a column."""

from typing import NamedTuple

import jax.numpy as jnp

from metainr.numerics import forward_laplacian, map_over_chunks
from metainr.objectives.derivatives import image_gradient, image_laplacian, square_grid
from metainr.types import Array, Field, Params

_CHUNK = 4096
_PERCENTILE = 99
_GAP = 2


class Maps(NamedTuple):
    """A function on the pixels: values [h, w, 1], gradients [h, w, 2], Laplacians [h, w, 1]."""

    values: Array
    gradients: Array
    laplacians: Array


def maps_of_field(field: Field, params: Params, shape: tuple[int, int]) -> Maps:
    """The field's own, exact derivatives at the pixels of [−1, 1]²."""

    def look(coords):
        sweep = forward_laplacian(lambda x: field.apply(params, x), coords)
        return Maps(sweep.value, jnp.concatenate(sweep.slopes, -1), sweep.laplacian)

    rows = map_over_chunks(look, jnp.asarray(square_grid(shape)), _CHUNK)
    return Maps(*(values.reshape(*shape, -1) for values in rows))


def maps_of_image(image: Array) -> Maps:
    """Of an image [h, w, 1], whose derivatives are differences of its pixels."""
    return Maps(image, image_gradient(image), image_laplacian(image))


def column(maps: Maps, reference: Maps) -> Array:
    """Values over gradients over Laplacians, [3h + 4, w, 3] in [0, 1], parted by white lines.

    Values of [−1, 1] are shown from black to white. A gradient's direction is its hue and the root
    of its length the brightness; a Laplacian of 0 is grey. Both scales are the reference's: full
    are its 99th percentiles.
    """
    lengths, scale = _length(maps.gradients), _full(_length(reference.gradients))
    angles = jnp.arctan2(maps.gradients[..., :1], maps.gradients[..., 1:]) / (2 * jnp.pi)
    bends = maps.laplacians / _full(jnp.abs(reference.laplacians))
    panels = [
        jnp.repeat((maps.values + 1) / 2, 3, -1),
        _colour(angles) * jnp.sqrt(lengths / scale),
        jnp.repeat((bends + 1) / 2, 3, -1),
    ]
    gap = jnp.ones((_GAP, maps.values.shape[1], 3))
    first, *others = [jnp.clip(panel, 0, 1) for panel in panels]
    return jnp.concatenate([first, *(part for panel in others for part in (gap, panel))])


def _colour(hue):
    """The bright colours [..., 3] of hues [..., 1] in turns."""
    offsets = jnp.array([0.0, 4.0, 2.0]).reshape(*[1] * (hue.ndim - 1), 3)
    return jnp.clip(jnp.abs((6 * hue + offsets) % 6 - 3) - 1, 0, 1)


def _length(gradients):
    return jnp.linalg.norm(gradients, axis=-1, keepdims=True)


def _full(values):
    """What is shown at full scale; of a flat image anything."""
    return jnp.maximum(jnp.percentile(values, _PERCENTILE), 1e-6)

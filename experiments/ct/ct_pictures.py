"""How a slice is shown: over the projections that are measured of it."""

import jax.numpy as jnp

from metainr.types import Array

_SHARE = 3  # the projections take a third of the slice's height


def with_sinogram(image: Array, sinogram: Array) -> Array:
    """A slice [n, n] over its projections [v, d]: [n + 1 + s, n, 1], s being about n / 3.

    Projections are scaled so that the largest is white; a white line parts the two.
    """
    views, detectors = sinogram.shape
    size = image.shape[1]
    column = jnp.arange(size) * detectors // size
    row = jnp.arange(max(views, size // _SHARE)) * views // max(views, size // _SHARE)
    strip = sinogram[row][:, column] / jnp.maximum(sinogram.max(), 1e-6)
    return jnp.concatenate([image, jnp.ones((1, size)), strip])[..., None]

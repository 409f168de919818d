"""Projections of an image as data of an objective: measured ones, or views drawn afresh."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Observations


class Sinogram(NamedTuple):
    """Measured projections: angles [v] in radians, values [v, d], weights [v] ≥ 0 (0: padding)."""

    angles: Array
    values: Array
    weights: Array


def random_views(
    project: Callable[[Array, Array], Array], num_views: int, turn: float = math.pi
) -> Draw:
    """Draws `num_views` projections at angles uniform in [0, turn) of the true image.

    The support is that image [n, n, 1], and `project(image [n, n], angles [v]) -> [v, d]` is what
    the scanner does to it. `turn`: π if its rays are parallel, those of a fan see all in 2π.
    """

    def draw(params, image, key, step):
        angles = jax.random.uniform(key, (num_views,), image.dtype, maxval=turn)
        return Observations(angles, project(image[..., 0], angles), jnp.ones_like(angles))

    return draw


def all_views() -> Draw:
    """Draws every view. The support is a `Sinogram`."""

    def draw(params, sinogram, key, step):
        return Observations(*sinogram)

    return draw


def some_views(num_views: int) -> Draw:
    """Draws `num_views` different views of a `Sinogram`, or all if there are no more."""

    def draw(params, sinogram, key, step):
        if num_views >= len(sinogram.angles):
            return Observations(*sinogram)
        chosen = jax.random.choice(key, len(sinogram.angles), (num_views,), replace=False)
        return Observations(*(jnp.asarray(leaf)[chosen] for leaf in sinogram))

    return draw

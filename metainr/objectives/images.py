"""Images as data of an objective: where their pixels lie, and the task of fitting one."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from metainr.objectives.draws import Samples
from metainr.types import Array, Key, Task


def pixel_grid(shape: Sequence[int]) -> np.ndarray:
    """Coordinates [h·w, 2] of the pixels of an image, row by row: (i/h, j/w) in [0, 1)².

    Likewise of a grid of any other number of axes d: [n, d].

    >>> metainr.objectives.pixel_grid((2, 2)).tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.5, 0.0], [0.5, 0.5]]
    """
    axes = np.meshgrid(*(np.arange(side) / side for side in shape), indexing="ij")
    return np.stack(axes, -1).reshape(-1, len(shape)).astype(np.float32)


def image_samples(image: Array, weights: Array | None = None) -> Samples:
    """All pixels of an image [h, w, c], weighted by [h, w] ≥ 0 (None: equally).

    >>> metainr.objectives.image_samples(jnp.zeros((4, 4, 3))).values.shape
    (16, 3)
    """
    values = image.reshape(-1, image.shape[-1])
    if weights is None:
        return Samples(values, jnp.ones(len(values), values.dtype))
    return Samples(values, weights.reshape(-1))


def image_task(image: Array, key: Key) -> Task:
    """Support and query are both all pixels of the image [h, w, c]; the key is not needed."""
    samples = image_samples(image)
    return Task(samples, samples)

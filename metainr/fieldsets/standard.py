"""Normalisation: vectors whose coordinates have mean 0 and standard deviation 1 in training."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metainr.types import Array


class Standard(NamedTuple):
    """Means and standard deviations [d] of the coordinates of training vectors."""

    mean: Array
    std: Array

    def normalised(self, vectors: Array) -> Array:
        """(v − mean) / std of vectors [..., d]."""
        return (vectors - self.mean) / self.std

    def restored(self, vectors: Array) -> Array:
        """The inverse of `normalised`."""
        return vectors * self.std + self.mean


def standard_of(parts: Iterable[np.ndarray], size: int) -> Standard:
    """That of the rows of all parts [n, size], one part in memory at a time.

    A coordinate that never changes has the standard deviation 1: it becomes 0, and comes back.
    """
    count, mean, squares = 0, np.zeros(size), np.zeros(size)
    for part in parts:  # by the pairwise update of Chan et al.: no squares of large numbers cancel
        values = np.asarray(part, np.float64)
        if not len(values):
            continue
        own, total = values.mean(0), count + len(values)
        shift = own - mean
        squares += ((values - own) ** 2).sum(0) + shift**2 * count * len(values) / total
        mean += shift * len(values) / total
        count = total
    std = np.sqrt(squares / max(count, 1))
    return Standard(mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32))

"""The forward process: how much of a vector is left at each noise level."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from metainr.types import Array


class Schedule(NamedTuple):
    """kept: ᾱ_t in (0, 1), t = 1 … T, falling: x_t = √ᾱ_t x + √(1 − ᾱ_t) ε, ε ~ N(0, I)."""

    kept: np.ndarray

    @property
    def num_levels(self) -> int:
        """T."""
        return len(self.kept)

    def noised(self, vectors: Array, noise: Array, level: Array) -> Array:
        """x_t of vectors [n, d] at levels [n], counted from 0."""
        kept = jnp.asarray(self.kept)[level][..., None]
        return jnp.sqrt(kept) * vectors + jnp.sqrt(1 - kept) * noise

    def few(self, num_steps: int) -> np.ndarray:
        """Levels [num_steps], counted from 0, from the last one down: where samplers stop."""
        return np.linspace(self.num_levels - 1, 0, num_steps).round().astype(np.int32)


def linear_schedule(levels: int = 500, first: float = 1e-4, last: float = 2e-2) -> Schedule:
    """ᾱ_t = Π (1 − β_s), β rising evenly. Source: Ho et al., NeurIPS 2020.

    >>> bool(linear_schedule().kept[-1] < 0.01)
    True
    """
    return Schedule(np.cumprod(1 - np.linspace(first, last, levels)).astype(np.float32))

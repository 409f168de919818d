"""What a fit changes: how much of each layer, and in how many directions."""

from typing import NamedTuple

import numpy as np

from metainr.algorithms.layers import by_name
from metainr.types import Adapted


class Change(NamedTuple):
    """Of a leaf of weights, from W to W + Δ.

    size: ‖Δ‖ / ‖W‖, NaN of a leaf of zeros;
    rank: (Σ σ_i)² / Σ σ_i² of Δ's singular values: how many directions of equal size it is like;
    full_rank: the most that this could be.
    """

    size: float
    rank: float
    full_rank: int


def changes(before: Adapted, after: Adapted) -> dict[str, Change]:
    """What became of each leaf that is a matrix or a vector, by its name."""
    ends = by_name(after)
    return {
        name: _change(np.asarray(start, float), np.asarray(ends[name], float))
        for name, start in by_name(before).items()
        if 1 <= np.ndim(start) <= 2
    }


def _change(start, end):
    step = np.atleast_2d(end - start)
    sizes = np.linalg.svd(step, compute_uv=False)
    rank = sizes.sum() ** 2 / (sizes**2).sum() if sizes.any() else 0.0
    norm = np.linalg.norm(start)
    return Change(
        float(np.linalg.norm(step) / norm) if norm else np.nan, float(rank), min(step.shape)
    )

"""What the experiments on sounds and clips share: signals given on a grid in [−1, 1]^d."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np

from experiments.images import Gradients
from experiments.problem import matching_gradient, spread_steps
from metainr.measurements import value
from metainr.numerics import Summation, map_over_chunks, objective_gradient
from metainr.numerics.flops import Points
from metainr.objectives import all_points, random_rows, squared_error
from metainr.types import Array, Field, Params, Term


def grid(axes: Sequence[np.ndarray]) -> np.ndarray:
    """All points of the axes' product, the last axis first to change: float32 [n, d]."""
    mesh = np.meshgrid(*axes, indexing="ij")
    return np.stack(mesh, axis=-1).reshape(-1, len(axes)).astype(np.float32)


def gradients(
    field: Field, coords: np.ndarray, inner_points: int, summation: Summation
) -> Gradients:
    """Mean squared error at coords [n, d]; inner steps see `inner_points` random ones (0: all)."""
    everything = all_points(coords)
    num_points = min(inner_points, len(coords)) or len(coords)
    some = random_rows(coords, num_points) if num_points < len(coords) else everything

    def gradient(draw):
        return objective_gradient((Term(draw, value(), squared_error),), field.apply, summation)

    matching = matching_gradient(field.apply, summation, coords.shape[1], low=-1.0)
    points = Points(num_points, len(coords))
    return Gradients(gradient(some), gradient(everything), matching, points)


def values_at(field: Field, params: Params, coords: np.ndarray, chunk_size: int | None) -> Array:
    """The field's values [n, c] at coords [n, d], a chunk at a time."""
    return map_over_chunks(partial(field.apply, params), jnp.asarray(coords), chunk_size)


def measured_steps(config: SimpleNamespace) -> tuple[tuple[int, ...], int]:
    """(steps after which fits are measured, the one at which inits are compared).

    That is after as many steps as the inits were learned for; without learning, after the last.
    """
    last = config.test_steps
    match = last if config.algorithm == "none" else min(config.inner_steps, last)
    return tuple(sorted({*spread_steps(last), match})), match


def original(path: Path) -> Path:
    """Where the signal itself is written beside its fits: NUMBER_original, of NUMBER_INIT."""
    return path.with_name(f"{path.name.partition('_')[0]}_original")

"""What tells one differential equation from another in an experiment on several."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from metainr.errors import UserError
from metainr.types import Array, Objective

_FEWEST, _MOST = 8, 512  # points along an axis
LINE = 0.55  # grey of what divides a picture
_RED, _BLUE = (0.70, 0.09, 0.17), (0.13, 0.40, 0.67)


class Equation(NamedTuple):
    """An equation with its domain, its solutions by other means, and how they are shown.

    objective: steps until the window of time is whole -> what a field is to satisfy.
    low, high: corners [d] of the domain, whose coordinates a field takes.
    channels: number of a field's values.
    grid: where solutions are held against each other, coords [..., d].
    axes: the grid's coordinates by name, in the order of its axes, as they are written to files.
    solve: position [2] of a source -> the solution [..., channels] on the grid.
    compared: solution -> the part of it that counts.
    picture: (solution, the true one, which says how dark colours are) -> [h, w, 3] in [0, 1].
    caption: what that picture shows, in sentences.
    values: solution -> as it is written to files.
    farthest: largest |x| and |y| of a source.
    """

    objective: Callable[[int], Objective]
    low: tuple[float, ...]
    high: tuple[float, ...]
    channels: int
    grid: np.ndarray
    axes: Mapping[str, np.ndarray]
    solve: Callable[[np.ndarray], np.ndarray]
    compared: Callable[[Array], Array]
    picture: Callable[[Array, Array], Array]
    caption: str
    values: Callable[[np.ndarray], np.ndarray]
    farthest: float


def check_resolution(side: int) -> None:
    """Raises UserError for a number of points along an axis that no solutions are compared at."""
    if side < _FEWEST:
        raise UserError(
            f"--resolution={side} has too few points along an axis to compare a solution with its "
            f"reference at; give at least {_FEWEST}, such as 64"
        )
    if side > _MOST:
        raise UserError(
            f"--resolution={side} is too fine for the reference, whose grid has at least as many "
            f"points along an axis; give at most {_MOST}"
        )


def magnitude(solution: Array) -> Array:
    """The largest |u| of a solution [..., channels], complex numbers being pairs."""
    return jnp.sqrt(jnp.max(jnp.sum(jnp.square(solution), -1)))


def red_blue(values: Array) -> Array:
    """Colours [..., 3] of values [...]: blue at −1 and below, white at 0, red at 1 and above."""
    strength = jnp.clip(jnp.abs(values), 0, 1)
    channels = zip(_RED, _BLUE)
    return jnp.stack([1 - strength * (1 - jnp.where(values > 0, r, b)) for r, b in channels], -1)

"""Loss barriers between fits: whether they lie in one basin. Source: Frankle et al., ICML 2020."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.types import Adapted, Array

PLACES = np.linspace(0, 1, 11)
"""Where the line from one fit to the other is asked."""


class Barrier(NamedTuple):
    """Along the straight line between two fits.

    psnr: [places], of the field in between against the target in between;
    drop: the most dB by which it falls below the line between its ends, 0 if nowhere.
    """

    psnr: np.ndarray
    drop: float


def barrier(
    values: Callable[[Adapted], Array],
    first: Adapted,
    second: Adapted,
    targets: tuple[np.ndarray, np.ndarray],
) -> Barrier:
    """The barrier from one fit to another of the same or of two signals.

    Args:
        values: what is adapted -> the field at all points [n, c].
        first, second: the fits.
        targets: what each was fitted to [n, c]; in between the target is blended alike.
    """

    @jax.jit
    def loss(place):
        between = jax.tree.map(lambda a, b: (1 - place) * a + place * b, first, second)
        target = (1 - place) * targets[0] + place * targets[1]
        return jnp.mean((values(between) - target) ** 2)

    psnr = np.array([-10 * np.log10(max(float(loss(place)), 1e-20)) for place in PLACES])
    straight = (1 - PLACES) * psnr[0] + PLACES * psnr[-1]
    return Barrier(psnr, float(max((straight - psnr).max(), 0)))

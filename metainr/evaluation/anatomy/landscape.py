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


def make_barrier(
    values: Callable[[Adapted], Array],
) -> Callable[[Adapted, Adapted, Array, Array], Barrier]:
    """Builds `barrier(first, second, target, other) -> Barrier` from one fit to another.

    The fits are of a signal each, or of the same one, that is [n, c]; in between the target is
    blended as the fits are.

    Args:
        values: what is adapted -> the field at all points [n, c].
    """

    @jax.jit
    def loss(place, first, second, target, other):
        between = jax.tree.map(lambda a, b: (1 - place) * a + place * b, first, second)
        blended = (1 - place) * target + place * other
        return jnp.mean((values(between) - blended) ** 2)

    def barrier(first, second, target, other):
        losses = [float(loss(place, first, second, target, other)) for place in PLACES]
        psnr = -10 * np.log10(np.maximum(losses, 1e-20))
        straight = (1 - PLACES) * psnr[0] + PLACES * psnr[-1]
        return Barrier(psnr, float(max((straight - psnr).max(), 0)))

    return barrier

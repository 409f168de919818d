"""Chairs with lamps beside them: objects that combine two classes."""

import numpy as np

from metainr.signals.objects.chairs import chair
from metainr.signals.objects.lamps import lamp
from metainr.signals.solids import Solid, corners, moved

_GAP = 0.05  # metres between the two
_HEIGHTS = 1.1, 1.5  # of a lamp, in heights of its chair


def reading_chair(rng: np.random.Generator) -> list[Solid]:
    """A chair as `chair` makes it, and at its right a lamp of `lamp`, somewhat taller.

    Both stand on z = 0 with their middles on y = 0, or hang above it.
    """
    seat, light = chair(rng), lamp(rng)
    low, high = _extent(seat)
    floor, top = _extent(light)
    scale = rng.uniform(*_HEIGHTS) * (high - low)[2] / (top - floor)[2]
    place = np.array([high[0] + _GAP, (low + high)[1] / 2, low[2]])
    corner = np.array([floor[0], (floor + top)[1] / 2, floor[2]])
    return seat + [moved(solid, scale, place - scale * corner) for solid in light]


def _extent(solids):
    points = np.concatenate([corners(solid) for solid in solids])
    return points.min(axis=0), points.max(axis=0)

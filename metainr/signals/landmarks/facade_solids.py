"""Solids of the generated landmark and where rays first meet them.

Rays are o + t·d with origins [3, n] or [3, 1] and directions [3, n] or [3, 1], coordinates first:
the arithmetic of a solid then runs along contiguous memory. No direction has a zero coordinate.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

_NEAREST = 1e-3  # nearer than that, a ray has only just left the surface


class Solid(NamedTuple):
    """A body of one part (its material's name).

    depth: (origins, directions) -> t [n] of the first point in front, infinite where there is none;
    normal: points [3, m] of its surface -> unit vectors [3, m].
    """

    depth: Callable[[np.ndarray, np.ndarray], np.ndarray]
    normal: Callable[[np.ndarray], np.ndarray]
    part: str


def box(low: Sequence[float], high: Sequence[float], part: str) -> Solid:
    """The box between two corners."""
    least, most = (np.array(corner, np.float32)[:, None] for corner in (low, high))

    def depth(origins, directions):
        inverse = 1 / directions
        first, second = (least - origins) * inverse, (most - origins) * inverse
        near, far = np.minimum(first, second), np.maximum(first, second)
        # By hand: NumPy's own reduction of so short an axis takes three times as long.
        enter = np.maximum(np.maximum(near[0], near[1]), near[2])
        leave = np.minimum(np.minimum(far[0], far[1]), far[2])
        return np.where((enter < leave) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        relative = (points - (least + most) / 2) / ((most - least) / 2)
        return np.where(np.arange(3)[:, None] == np.abs(relative).argmax(0), np.sign(relative), 0)

    return Solid(depth, normal, part)


def convex(normals: Sequence[Sequence[float]], offsets: Sequence[float], part: str) -> Solid:
    """The body where n·p ≤ offset for every unit normal n."""
    across = np.array(normals, np.float32)
    limits = np.array(offsets, np.float32)[:, None]

    def depth(origins, directions):
        slope = across @ directions
        slope = np.where(np.abs(slope) < 1e-7, 1e-7, slope)
        crossing = (limits - across @ origins) / slope
        enter = np.where(slope < 0, crossing, -np.inf).max(axis=0)
        leave = np.where(slope > 0, crossing, np.inf).min(axis=0)
        return np.where((enter < leave) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        return across[(across @ points - limits).argmax(axis=0)].T

    return Solid(depth, normal, part)


def pillar(x: float, y: float, radius: float, low: float, high: float, part: str) -> Solid:
    """An upright cylinder without its ends."""

    def depth(origins, directions):
        across = directions[0] ** 2 + directions[1] ** 2
        half = (origins[0] - x) * directions[0] + (origins[1] - y) * directions[1]
        outside = (origins[0] - x) ** 2 + (origins[1] - y) ** 2 - radius**2
        root = half**2 - across * outside
        enter = (-half - np.sqrt(np.maximum(root, 0))) / across
        height = origins[2] + enter * directions[2]
        hit = (root > 0) & (enter > _NEAREST) & (height > low) & (height < high)
        return np.where(hit, enter, np.inf)

    def normal(points):
        return np.stack([points[0] - x, points[1] - y, 0 * points[0]]) / radius

    return Solid(depth, normal, part)


def ball(centre: Sequence[float], radius: Sequence[float], part: str) -> Solid:
    """An ellipsoid with half axes `radius`."""
    middle, axes = (np.array(vector, np.float32)[:, None] for vector in (centre, radius))

    def depth(origins, directions):
        start, along = (origins - middle) / axes, directions / axes
        squared, half = (along**2).sum(axis=0), (start * along).sum(axis=0)
        root = half**2 - squared * ((start**2).sum(axis=0) - 1)
        enter = (-half - np.sqrt(np.maximum(root, 0))) / squared
        return np.where((root > 0) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        gradient = (points - middle) / axes**2
        return gradient / np.sqrt((gradient**2).sum(axis=0))

    return Solid(depth, normal, part)


def cast(
    solids: Sequence[Solid], origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first thing on each ray: t [n], infinite where nothing is, and which solid [n]."""
    nearest = np.full(directions.shape[1], np.inf, np.float32)
    which = np.zeros(len(nearest), np.int32)
    for index, solid in enumerate(solids):
        depth = solid.depth(origins, directions)
        closer = depth < nearest
        nearest[closer], which[closer] = depth[closer], index
    return nearest, which


def blocked(solids: Sequence[Solid], origins: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Whether anything stands between the points [3, n] and a light in that direction [3, 1]."""
    found = np.zeros(origins.shape[1], bool)
    for solid in solids:
        found |= np.isfinite(solid.depth(origins, direction))
    return found

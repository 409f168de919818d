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


class Opening(NamedTuple):
    """A row of equal openings in a wall of constant y: between `left` and `right`, `count` of them.

    half_width, bottom, top: of each; if `arched`, a half disc stands on its top.
    """

    left: float
    right: float
    count: int
    half_width: float
    bottom: float
    top: float
    arched: bool

    def offset(self, x: np.ndarray) -> np.ndarray:
        """Distance along x from the axis of the nearest opening, positive to the right."""
        spacing = (self.right - self.left) / self.count
        return (x - self.left) % spacing - spacing / 2

    def contains(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Whether the points (x, z) of the wall lie in an opening."""
        aside, above = self.offset(x), z - self.top
        shaft = (np.abs(aside) < self.half_width) & (above <= 0)
        arch = self.arched & (above > 0) & (aside**2 + above**2 < self.half_width**2)
        return (shaft | arch) & (z > self.bottom) & (x > self.left) & (x < self.right)

    def reach(self) -> float:
        """Half the height of the openings, their arches included, and a little more."""
        return (self.top - self.bottom) / 2 + (self.half_width if self.arched else 0) + 0.2

    def reveal_normal(self, points: np.ndarray) -> np.ndarray:
        """Normals [3, m] of the sides of the openings, which face their axes, or up, or down."""
        aside = self.offset(points[0])
        upright = np.abs(aside) > 0.85 * self.half_width
        above = points[2] > (self.bottom + self.top) / 2
        x = np.where(upright, -np.sign(aside), 0)
        return np.stack([x, 0 * x, np.where(upright, 0, np.where(above, -1, 1))])


def box(low: Sequence[float], high: Sequence[float], part: str) -> Solid:
    """The box between two corners."""
    low, high = (np.array(corner, np.float32)[:, None] for corner in (low, high))

    def depth(origins, directions):
        inverse = 1 / directions
        first, second = (low - origins) * inverse, (high - origins) * inverse
        enter = np.minimum(first, second).max(axis=0)
        leave = np.maximum(first, second).min(axis=0)
        return np.where((enter < leave) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        relative = (points - (low + high) / 2) / ((high - low) / 2)
        return np.where(np.arange(3)[:, None] == np.abs(relative).argmax(0), np.sign(relative), 0)

    return Solid(depth, normal, part)


def convex(normals: Sequence[Sequence[float]], offsets: Sequence[float], part: str) -> Solid:
    """The body where n·p ≤ offset for every unit normal n."""
    normals = np.array(normals, np.float32)
    offsets = np.array(offsets, np.float32)[:, None]

    def depth(origins, directions):
        slope = normals @ directions
        slope = np.where(np.abs(slope) < 1e-7, 1e-7, slope)
        crossing = (offsets - normals @ origins) / slope
        enter = np.where(slope < 0, crossing, -np.inf).max(axis=0)
        leave = np.where(slope > 0, crossing, np.inf).min(axis=0)
        return np.where((enter < leave) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        return normals[(normals @ points - offsets).argmax(axis=0)].T

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
    centre, radius = (np.array(vector, np.float32)[:, None] for vector in (centre, radius))

    def depth(origins, directions):
        start, along = (origins - centre) / radius, directions / radius
        squared, half = (along**2).sum(axis=0), (start * along).sum(axis=0)
        root = half**2 - squared * ((start**2).sum(axis=0) - 1)
        enter = (-half - np.sqrt(np.maximum(root, 0))) / squared
        return np.where((root > 0) & (enter > _NEAREST), enter, np.inf)

    def normal(points):
        gradient = (points - centre) / radius**2
        return gradient / np.sqrt((gradient**2).sum(axis=0))

    return Solid(depth, normal, part)


def wall(
    low: Sequence[float], high: Sequence[float], rows: Sequence[Opening], recess: float, part: str
) -> Solid:
    """A box whose front, its side of least y, has openings of the depth `recess`."""
    block, front, slices = box(low, high, part), low[1], 8

    def depth(origins, directions):
        entry = block.depth(origins, directions)
        origins = np.broadcast_to(origins, (3, len(entry)))
        directions = np.broadcast_to(directions, (3, len(entry)))
        hit = np.flatnonzero(np.isfinite(entry))
        hit = hit[np.abs(origins[1, hit] + entry[hit] * directions[1, hit] - front) < 1e-3]
        # Walks on through an opening slice by slice, until it leaves it sideways or at its back.
        for _ in range(slices):
            points = origins[:, hit] + entry[hit] * directions[:, hit]
            hit = hit[_any_contains(rows, points)]
            entry[hit] += recess / slices / directions[1, hit]
        return entry

    def normal(points):
        back = front + recess * (1 - 0.5 / slices)
        sides = (np.abs(points[0] - (low[0] + high[0]) / 2) > (high[0] - low[0]) / 2 - 1e-3) | (
            points[2] > high[2] - 1e-3
        )
        facing = np.zeros_like(points)
        facing[1] = -1
        result = np.where(
            (points[1] < front + recess + 1e-3) & ~sides, facing, block.normal(points)
        )
        reveal = (points[1] > front + 1e-3) & (points[1] < back) & ~sides
        for row in rows:
            here = reveal & (np.abs(points[2] - (row.bottom + row.top) / 2) < row.reach())
            here &= (points[0] > row.left) & (points[0] < row.right)
            result[:, here] = row.reveal_normal(points[:, here])
        return result

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


def _any_contains(rows, points):
    return np.logical_or.reduce([row.contains(points[0], points[2]) for row in rows])

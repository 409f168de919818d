"""The generated landmark's wall: a box with rows of windows and doors cut into its front."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metainr.signals.landmarks.facade_solids import HERE
from metainr.signals.shapes import BOX, Shape
from metainr.signals.solids import Solid


class Opening(NamedTuple):
    """A row of equal openings in a wall of constant y: between `left` and `right`, `num` of them.

    half_width, bottom, top: of each; if `arched`, a half disc stands on its top.
    """

    left: float
    right: float
    num: int
    half_width: float
    bottom: float
    top: float
    arched: bool

    def offset(self, x: np.ndarray) -> np.ndarray:
        """Distance along x from the axis of the nearest opening, positive to the right."""
        spacing = (self.right - self.left) / self.num
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


def wall(
    low: Sequence[float], high: Sequence[float], rows: Sequence[Opening], recess: float, part: str
) -> Solid:
    """A box whose front, its side of least y, has openings of the depth `recess`."""
    front, slices = low[1], 8
    least, most = (np.array(corner, np.float32)[:, None] for corner in (low, high))
    middle, half = (least + most) / 2, (most - least) / 2

    def meet(origins, directions, _):
        starts = (origins - middle) / half
        entry = BOX.meet(starts, directions / half, 1.0)
        # Rays that start in an opening leave it.
        entry[(np.abs(starts) < 1).all(axis=0)] = np.inf
        hit = np.flatnonzero(np.isfinite(entry))
        hit = hit[np.abs(origins[1, hit] + entry[hit] * directions[1, hit] - front) < 1e-3]
        # Walks on through an opening slice by slice, until it leaves it sideways or at its back.
        for _ in range(slices):
            points = origins[:, hit] + entry[hit] * directions[:, hit]
            hit = hit[_any_contains(rows, points)]
            entry[hit] += recess / slices / directions[1, hit]
        return entry

    def facing(points, _):
        back = front + recess * (1 - 0.5 / slices)
        sides = (np.abs(points[0] - (low[0] + high[0]) / 2) > (high[0] - low[0]) / 2 - 1e-3) | (
            points[2] > high[2] - 1e-3
        )
        forward = np.array([[0], [-1], [0]])
        outer = BOX.normals((points - middle) / half, 1.0)
        result = np.where((points[1] < front + recess + 1e-3) & ~sides, forward, outer)
        reveal = (points[1] > front + 1e-3) & (points[1] < back) & ~sides
        for row in rows:
            here = reveal & (np.abs(points[2] - (row.bottom + row.top) / 2) < row.reach())
            here &= (points[0] > row.left) & (points[0] < row.right)
            result[:, here] = row.reveal_normal(points[:, here])
        return result

    reach = np.maximum(np.abs(low), np.abs(high))
    return Solid(Shape(meet, facing, lambda _: reach), HERE, part)


def _any_contains(rows, points):
    return np.logical_or.reduce([row.contains(points[0], points[2]) for row in rows])

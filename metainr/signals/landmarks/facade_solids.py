"""Solids of the generated landmark, which stand upright and along the axes, made of some material.

Those that are no shape of unit size are told in the world's own coordinates.
"""

from collections.abc import Sequence

import numpy as np

from metainr.signals.shapes import BOX, CYLINDER, SPHERE, Shape, first
from metainr.signals.solids import Solid

HERE = np.eye(3, 4)  # the placement of a shape told in the world's coordinates


def box(low: Sequence[float], high: Sequence[float], material: str) -> Solid:
    """The box between two corners."""
    first_corner, last_corner = np.array(low, np.float64), np.array(high, np.float64)
    centre, half_sides = (first_corner + last_corner) / 2, (last_corner - first_corner) / 2
    return _along_axes(BOX, centre, half_sides, material)


def pillar(x: float, y: float, radius: float, low: float, high: float, material: str) -> Solid:
    """An upright cylinder."""
    half = (high - low) / 2
    return _along_axes(CYLINDER, (x, y, low + half), (radius, radius, half), material)


def ball(centre: Sequence[float], radius: Sequence[float], material: str) -> Solid:
    """An ellipsoid with half axes `radius`."""
    return _along_axes(SPHERE, centre, radius, material)


def convex(
    normals: Sequence[Sequence[float]], offsets: Sequence[float], reach: float, material: str
) -> Solid:
    """The body where n·p ≤ offset for every unit normal n, within `reach` of the origin."""
    across = np.array(normals, np.float32)
    limits = np.array(offsets, np.float32)[:, None]

    def meet(origins, directions, _):
        slope = across @ directions
        crossing = (limits - across @ origins) / slope
        enter = np.where(slope < 0, crossing, -np.inf).max(axis=0)
        leave = np.where(slope > 0, crossing, np.inf).min(axis=0)
        # What runs along a face has it before or behind it everywhere.
        beside = ((slope == 0) & (across @ origins > limits)).any(axis=0)
        met = (enter < leave) & ~beside
        return first((enter, met), (leave, met))

    def facing(points, _):
        return across[(across @ points - limits).argmax(axis=0)].T

    return Solid(Shape(meet, facing, lambda _: np.full(3, reach)), HERE, material)


def _along_axes(shape, centre, half_sides, material):
    placement = np.column_stack([np.diag(np.asarray(half_sides, np.float64)), centre])
    return Solid(shape, placement, material)

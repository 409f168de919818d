"""Solids as the parts of furniture are told: from here to there, so thick, in that colour."""

import colorsys

import numpy as np
from numpy.typing import ArrayLike

from metainr.signals.shapes import BOX, CYLINDER, SPHERE, TORUS
from metainr.signals.solids import Solid, corners, moved

Colour = tuple[float, float, float]


def box(centre: ArrayLike, sides: ArrayLike, colour: Colour, lean: float = 0.0) -> Solid:
    """A box along the axes with those three sides.

    lean: how far its top is shifted along y against its bottom, in units of its height.
    """
    placement = np.diag(np.asarray(sides, np.float64) / 2)
    placement[1, 2] = lean * placement[2, 2]
    return Solid(BOX, np.column_stack([placement, centre]), colour)


def sphere(centre: ArrayLike, radii: ArrayLike, colour: Colour) -> Solid:
    """An ellipsoid along the axes; one radius makes it a ball."""
    placement = np.diag(np.broadcast_to(np.asarray(radii, np.float64), 3))
    return Solid(SPHERE, np.column_stack([placement, centre]), colour)


def rod(
    start: ArrayLike, end: ArrayLike, radius: float, colour: Colour, taper: float = 1.0
) -> Solid:
    """A round bar between two points, `taper` times as thick at its end as at its start."""
    placement = _frame(start, end) * [radius, radius, _distance(start, end) / 2]
    return Solid(CYLINDER, np.column_stack([placement, _middle(start, end)]), colour, taper)


def beam(start: ArrayLike, end: ArrayLike, sides: tuple[float, float], colour: Colour) -> Solid:
    """A bar of rectangular section between two points; the second side lies most nearly along y."""
    half = [sides[0] / 2, sides[1] / 2, _distance(start, end) / 2]
    return Solid(BOX, np.column_stack([_frame(start, end) * half, _middle(start, end)]), colour)


def ring(centre: ArrayLike, axis: ArrayLike, radius: float, tube: float, colour: Colour) -> Solid:
    """A torus about an axis [3]: `radius` to the middle of its tube, `tube` the tube's radius."""
    placement = radius * _frame(np.zeros(3), axis)
    return Solid(TORUS, np.column_stack([placement, centre]), colour, tube / radius)


def fitted(solids: list[Solid], radius: float) -> list[Solid]:
    """Moves and scales an object: its bounding box round the origin, within `radius` of it."""
    points = np.concatenate([corners(solid) for solid in solids])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    scale = radius / np.linalg.norm(points - centre, axis=1).max()
    return [moved(solid, scale, -scale * centre) for solid in solids]


def random_colour(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.35, 0.9),
    value: tuple[float, float] = (0.35, 0.9),
) -> Colour:
    """A colour of any hue, with saturation and value (of HSV) uniform in those ranges."""
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))


def wood(rng: np.random.Generator) -> Colour:
    """Some brown, from nearly black to that of birch."""
    return colorsys.hsv_to_rgb(
        rng.uniform(0.04, 0.11), rng.uniform(0.35, 0.75), rng.uniform(0.2, 0.85)
    )


def grey(rng: np.random.Generator, low: float = 0.1, high: float = 0.65) -> Colour:
    """Some metal: a grey between those values."""
    level = rng.uniform(low, high)
    return level, level, level


def _frame(start, end):
    """A rotation [3, 3] that turns z into the direction from start to end."""
    axis = np.subtract(end, start) / _distance(start, end)
    side = np.cross((0.0, 1.0, 0.0) if abs(axis[1]) < 0.9 else (1.0, 0.0, 0.0), axis)
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(axis, side), axis], axis=-1)


def _distance(start, end):
    return np.linalg.norm(np.subtract(end, start))


def _middle(start, end):
    return np.add(start, end) / 2

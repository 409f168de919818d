"""Where rays meet a box, a ball, a cylinder and a ring of unit size, and which way these face.

Vectors are three rows [3, n], which NumPy adds and multiplies several times faster than [n, 3].
Rays are o + z·d with directions of any length; the result is the smallest z > 0 on the surface,
infinity where there is none. Normals are outward, of any length.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_MARCH_STEPS = 64
_NEWTON_STEPS = 4
_ON_SURFACE = 1e-4
_TINY = 1e-30


class Shape(NamedTuple):
    """A surface round the origin that may have one parameter.

    meet: (origins [3, n], directions [3, n], parameter) -> z [n];
    normals: (points on the surface [3, n], parameter) -> outward [3, n], of any length;
    half_extent: parameter -> half the sides [3] of the smallest box about the origin round it.
    """

    meet: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    normals: Callable[[np.ndarray, float], np.ndarray]
    half_extent: Callable[[float], np.ndarray]


def _roots(a, b, c):
    """Both roots of a z² + 2b z + c, NaN where they are not real; exact also where a is small."""
    # The sum of two numbers of one sign loses no digits.
    q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
    return q / a, c / q


def dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The products x·y of vectors [3, n]: [n]."""
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]


def first(*pairs: tuple[np.ndarray, np.ndarray | bool]) -> np.ndarray:
    """The smallest z > 0 among (z, whether it counts), else infinity; comparisons with NaN fail."""
    nearest = np.full_like(pairs[0][0], np.inf)
    for z, counts in pairs:
        np.copyto(nearest, z, where=counts & (z > 0) & (z < nearest))
    return nearest


def _meet_box(origins, directions, _):
    # Infinities would subtract to NaN; a direction along two faces only has to be steep.
    inverse = 1 / np.where(directions == 0, directions.dtype.type(_TINY), directions)
    middle, half = -origins * inverse, np.abs(inverse)
    # By pairs: NumPy is slow along an axis as short as this one.
    near, far = middle - half, middle + half
    entry = np.maximum(np.maximum(near[0], near[1]), near[2])
    leave = np.minimum(np.minimum(far[0], far[1]), far[2])
    return first((entry, entry <= leave), (leave, entry <= leave))


def _box_normals(points, _):
    largest = np.abs(points).argmax(axis=0)
    return np.where(np.arange(3)[:, None] == largest, np.sign(points), 0)


def _meet_sphere(origins, directions, _):
    b, c = dot(origins, directions), dot(origins, origins) - 1
    return first(*((z, True) for z in _roots(dot(directions, directions), b, c)))


def _radius(taper):
    """(p, q) of a tapered cylinder's radius p + q·z: 1 at z = −1, `taper` at z = 1."""
    return (1 + taper) / 2, (taper - 1) / 2


def _meet_cylinder(origins, directions, taper):
    (x, y, height), (dx, dy, dz) = origins, directions
    p, q = _radius(taper)
    radius, slope = p + q * height, q * dz
    sides = _roots(
        dx * dx + dy * dy - slope * slope,
        x * dx + y * dy - radius * slope,
        x * x + y * y - radius * radius,
    )
    caps = [((end - height) / dz, p + q * end) for end in (-1, 1)]
    return first(
        *((z, np.abs(height + z * dz) <= 1) for z in sides),
        *((z, (x + z * dx) ** 2 + (y + z * dy) ** 2 <= rim * rim) for z, rim in caps),
    )


def _cylinder_normals(points, taper):
    x, y, height = points
    p, q = _radius(taper)
    radius = p + q * height
    on_cap = 1 - np.abs(height) < np.abs(np.hypot(x, y) - radius)
    side = np.stack([x, y, -q * radius])
    return np.where(on_cap, np.stack([0 * x, 0 * y, np.sign(height)]), side)


def _torus_distance(points, tube):
    return np.hypot(np.hypot(points[0], points[1]) - 1, points[2]) - tube


def _torus_normals(points, _):
    scale = 1 / np.hypot(points[0], points[1])
    return points - np.stack([points[0] * scale, points[1] * scale, 0 * points[2]])


def _meet_torus(origins, directions, tube):
    length = np.sqrt(dot(directions, directions))
    unit = directions / length
    b, outer = dot(origins, unit), 1.001 + tube
    reach = np.sqrt(b * b - dot(origins, origins) + outer * outer)  # NaN outside the ball round it
    travelled, end = np.maximum(-b - reach, 0), reach - b
    ended = np.full_like(travelled, np.inf)
    active = np.flatnonzero(end > 0)
    # Steps of the distance never pass the surface; Newton's then bring the rest of the digits,
    # where four roots of a quartic in closed form would lose most of them.
    for _ in range(_MARCH_STEPS):
        points = origins[:, active] + travelled[active] * unit[:, active]
        step = np.abs(_torus_distance(points, tube))
        there = step < _ON_SURFACE
        ended[active[there]] = travelled[active[there]]
        travelled[active] += step
        active = active[~there & (travelled[active] < end[active])]
    hit = np.flatnonzero(ended < np.inf)
    ended[hit] = _polished(ended[hit], origins[:, hit], unit[:, hit], tube)
    return ended / length


def _polished(z, origins, unit, tube):
    """Newton's method on the distance; where the ray grazes the surface, z is near enough."""
    for _ in range(_NEWTON_STEPS):
        points = origins + z * unit
        slope = dot(_torus_normals(points, tube), unit) / tube
        step = _torus_distance(points, tube) / np.where(np.abs(slope) < 0.05, np.inf, slope)
        z = z - np.clip(step, -_ON_SURFACE * 20, _ON_SURFACE * 20)
    return z


_UNIT = np.ones(3)
BOX = Shape(_meet_box, _box_normals, lambda _: _UNIT)
SPHERE = Shape(_meet_sphere, lambda points, _: points, lambda _: _UNIT)
CYLINDER = Shape(
    _meet_cylinder, _cylinder_normals, lambda taper: np.array([*(max(1.0, taper),) * 2, 1.0])
)
TORUS = Shape(_meet_torus, _torus_normals, lambda tube: np.array([1.0 + tube, 1.0 + tube, tube]))

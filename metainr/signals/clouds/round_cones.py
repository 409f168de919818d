"""Solids of round cones: signed distances, points of the surface and normals in closed form.

A round cone is what a ball covers that goes from one place to another while its radius changes
evenly: a capsule where it does not change, nearly a ball where the way is short. The ball at share
z of the way touches the surface where the normal n has n·a = −s, a being the axis, L the length of
the way and s = (r₁ − r₀) / L; all below follows from that.
"""

from typing import NamedTuple

import numpy as np

_CANDIDATES = 1.5  # points drawn per point wanted, as some lie within another part


class RoundCones(NamedTuple):
    """The union of k round cones.

    starts, ends: float [k, 3], of the balls' ways, no two equal;
    radii: float [k, 2] > 0 there, differing by less than the way's length.
    """

    starts: np.ndarray
    ends: np.ndarray
    radii: np.ndarray


def distances(cones: RoundCones, coords: np.ndarray) -> np.ndarray:
    """Signed distance from points [n, 3] to each part, negative inside: float64 [n, k].

    d(x) = min_z |x − c(z)| − r(z), c(z) being the balls' centres; exact inside and outside.
    """
    axes, lengths, slopes = _frames(cones)
    coords = np.asarray(coords, np.float64)
    along = coords @ axes.T - np.sum(cones.starts * axes, -1)
    # |x − start|² multiplied out: products of matrices in place of an array [n, k, 3].
    away = np.sum(coords * coords, -1)[:, None] - 2 * (coords @ cones.starts.T)
    away += np.sum(cones.starts * cones.starts, -1)
    across = np.maximum(away - along * along, 0)  # squared
    nearest = np.clip(along + slopes / np.sqrt(1 - slopes**2) * np.sqrt(across), 0, lengths)
    return np.sqrt(across + (along - nearest) ** 2) - cones.radii[:, 0] - slopes * nearest


def distance(cones: RoundCones, coords: np.ndarray) -> np.ndarray:
    """Signed distance from points [n, 3] to the union, negative inside: float64 [n].

    Exact outside and on the surface. Inside it is the distance to the surface of the part that the
    point lies deepest in: where parts overlap, a bound that the true depth may exceed.
    """
    return distances(cones, coords).min(axis=1)


def surface_points(
    cones: RoundCones, num: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points uniform on the union's surface and outward normals there: float64 [num, 3] each."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    while sum(len(points) for points, _ in found) < num:
        points, normals, parts = _part_points(cones, int(_CANDIDATES * num) + 16, rng)
        others = distances(cones, points)
        others[np.arange(len(points)), parts] = np.inf
        outside = others.min(axis=1) > 0
        found.append((points[outside], normals[outside]))
    points, normals = (np.concatenate(arrays)[:num] for arrays in zip(*found))
    return points, normals


def into_box(cones: RoundCones, half_side: float) -> RoundCones:
    """Moved and scaled: the bounding box round the origin, its longest side 2·half_side."""
    balls = np.concatenate([cones.starts, cones.ends])
    radii = cones.radii.T.reshape(-1, 1)
    low, high = (balls - radii).min(axis=0), (balls + radii).max(axis=0)
    centre, scale = (low + high) / 2, 2 * half_side / (high - low).max()
    return RoundCones(
        (cones.starts - centre) * scale, (cones.ends - centre) * scale, cones.radii * scale
    )


def _frames(cones):
    """Axes [k, 3] of length 1, lengths [k] and slopes s [k]."""
    ways = cones.ends - cones.starts
    lengths = np.linalg.norm(ways, axis=1)
    return ways / lengths[:, None], lengths, (cones.radii[:, 1] - cones.radii[:, 0]) / lengths


def _part_points(cones, num, rng):
    """Points uniform on the surfaces of all parts, normals, and which part each belongs to."""
    axes, lengths, slopes = _frames(cones)
    first, last = cones.radii.T
    # The pieces of a part: the cap of the first ball, that of the last one, the side between.
    areas = np.stack(
        [
            first**2 * (1 - slopes),
            last**2 * (1 + slopes),
            (1 - slopes**2) * lengths * (first + last) / 2,
        ]
    )
    chosen = rng.choice(areas.size, num, p=areas.ravel() / areas.sum())
    piece, part = np.divmod(chosen, len(axes))
    s, u = slopes[part], rng.random(num)
    # A ball's area is even in height.
    height = np.choose(piece, [-1 + u * (1 - s), 1 - u * (1 + s), -s])
    place = np.choose(
        piece, [0 * s, lengths[part], _even_in_radius(cones.radii[part], u, lengths[part])]
    )
    turn = rng.uniform(0, 2 * np.pi, num)
    side, other = _across(axes)
    level = np.sqrt(1 - height**2)
    normals = (
        height[:, None] * axes[part]
        + (level * np.cos(turn))[:, None] * side[part]
        + (level * np.sin(turn))[:, None] * other[part]
    )
    radius = first[part] + s * place
    points = cones.starts[part] + place[:, None] * axes[part] + radius[:, None] * normals
    return points, normals, part


def _even_in_radius(radii, u, lengths):
    """Places on the way whose density is proportional to the radius, from u uniform in [0, 1]."""
    first, last = radii.T
    radius = np.sqrt(first**2 + u * (last**2 - first**2))
    change = last - first
    steep = np.abs(change) > 1e-6 * first
    return lengths * np.where(steep, (radius - first) / np.where(steep, change, 1), u)


def _across(axes):
    """Two directions [k, 3] at right angles to each axis and to one another."""
    helper = np.where(np.abs(axes[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(helper, axes)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return side, np.cross(axes, side)

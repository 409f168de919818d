"""An analytic ray caster for a handful of solids, in NumPy: exact surfaces, no meshes."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from metainr.signals.shapes import Shape, dot

_SIGNS = np.array(list(itertools.product([-1, 1], repeat=3)))


@dataclass(frozen=True, eq=False)
class Solid:
    """A shape put somewhere in the world.

    shape: BOX [−1, 1]³, SPHERE of radius 1, CYLINDER of radius 1 and |z| ≤ 1, TORUS of radius 1
        about the z axis, or another one;
    placement: float [3, 4], affine, of the shape's own coordinates into the world's;
    material: what a picture of it has to know: its colour, RGB in [0, 1], or a name;
    parameter: the radius of a cylinder's upper end (at z = 1) or of a torus' tube, at most 1.
    """

    shape: Shape
    placement: np.ndarray
    material: Any
    parameter: float = 1.0

    # Kept, as a landmark's solids are met by the rays of many photos.
    @functools.cached_property
    def inward(self) -> tuple[np.ndarray, np.ndarray]:
        """(A⁻¹ [3, 3], −A⁻¹ t [3, 1]): the world's coordinates into the shape's own."""
        inverse = np.linalg.inv(np.asarray(self.placement[:, :3], np.float64))
        return inverse, -inverse @ self.placement[:, 3:]

    @functools.cached_property
    def radius(self) -> float:
        """Of the ball about the placement's centre that holds the solid."""
        return np.linalg.norm(corners(self) - self.placement[:, 3], axis=1).max()


class Hits(NamedTuple):
    """What n rays meet first.

    depths: [n], in lengths of the rays' directions, infinite where a ray meets nothing;
    normals: [n, 3], of length 1, outward; zero where a ray meets nothing;
    indices: int [n], which of the solids it is, −1 for none.
    """

    depths: np.ndarray
    normals: np.ndarray
    indices: np.ndarray


def cast(solids: Sequence[Solid], origins: np.ndarray, directions: np.ndarray) -> Hits:
    """The nearest surfaces on the rays o + z·d with z > 0: origins and directions [n, 3].

    Computes in the rays' precision.
    """
    origins, directions = (np.ascontiguousarray(x.T) for x in (origins, directions))
    depths, indices = first_met(solids, origins, directions)
    return Hits(depths, _normals(solids, origins, directions, depths, indices), indices)


def first_met(
    solids: Sequence[Solid], origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The depths and indices of `cast`, of rays with coordinates first: [3, n].

    A solid is asked only about the rays that come near the ball round it.
    """
    origins, directions = np.ascontiguousarray(origins), np.ascontiguousarray(directions)
    near_to = _closeness(origins, directions)
    depths = np.full(origins.shape[1], np.inf, origins.dtype)
    indices = np.full(depths.shape, -1)
    # Parallel rays divide by zero and misses take roots of negative numbers, both on purpose.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for index, solid in enumerate(solids):
            near = near_to(solid)
            inverse, shift = (part.astype(origins.dtype) for part in solid.inward)
            # take is several times faster than an index.
            starts, ways = (rays.take(near, axis=1) for rays in (origins, directions))
            ours = inverse @ starts + shift, inverse @ ways
            found = solid.shape.meet(*ours, solid.parameter)
            nearer = found < depths[near]
            depths[near[nearer]] = found[nearer]
            indices[near[nearer]] = index
    return depths, indices


def corners(solid: Solid) -> np.ndarray:
    """The corners [8, 3] of a box in the world that holds the solid, turned as the solid is."""
    own = _SIGNS * solid.shape.half_extent(solid.parameter)
    return own @ solid.placement[:, :3].T + solid.placement[:, 3]


def moved(solid: Solid, scale: float, shift: ArrayLike) -> Solid:
    """The solid scaled about the origin, then shifted by a vector [3]."""
    placement = scale * np.asarray(solid.placement, np.float64)
    placement[:, 3] += np.asarray(shift)
    return replace(solid, placement=placement)


def _closeness(origins, directions):
    """A function: solid -> indices of the rays whose lines pass through the ball round it."""
    inverse, along = 1 / dot(directions, directions), dot(origins, directions)
    away = dot(origins, origins)

    def near(solid):
        centre = solid.placement[:, 3].astype(origins.dtype)
        radius = solid.radius
        # |c − o|² − ((c − o)·d)² / |d|², multiplied out so that most is done once for all solids.
        forward = centre @ directions - along
        apart = away - 2 * (centre @ origins) - forward * forward * inverse
        return np.flatnonzero(apart <= 1.001 * radius * radius + 1e-4 - centre @ centre)

    return near


def _normals(solids, origins, directions, depths, indices):
    normals = np.zeros_like(origins)
    for index, solid in enumerate(solids):
        hit = np.flatnonzero(indices == index)
        inverse, shift = (part.astype(origins.dtype) for part in solid.inward)
        points = inverse @ (origins[:, hit] + depths[hit] * directions[:, hit]) + shift
        normals[:, hit] = inverse.T @ solid.shape.normals(points, solid.parameter)
    lengths = np.sqrt(dot(normals, normals))
    return (normals / np.where(lengths > 0, lengths, 1)).T

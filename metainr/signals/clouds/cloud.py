"""Oriented point clouds: what a scanner sees of a solid, and how far any point is from it."""

from typing import NamedTuple

import numpy as np

from metainr.errors import UserError

HALF_SIDE = 0.9  # of the cube round the origin that every solid is scaled to fill
_NEAR = 0.05  # standard deviation of samples from the surface


class Cloud(NamedTuple):
    """Points on the surface of one solid, and samples of the space round it, in [−1, 1]³.

    points, normals: float32 [n, 3], uniform on the surface; normals are outward, of length 1;
    coords: float32 [2n, 3], by turns uniform in [−1, 1]³ and near the surface;
    distances: float32 [2n], signed distances of `coords`, negative inside;
    centre, scale: float64 [3] and [], of the transform: x = scale · (x in the file − centre).
    """

    points: np.ndarray
    normals: np.ndarray
    coords: np.ndarray
    distances: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


class CloudOptions(NamedTuple):
    """The size and origin of clouds; each class reads those that concern it.

    num_points: n, points on the surface of each.
    seed: of the generated classes, of a folder's split, of the points chosen; 0 or more.
    mesh_file: the mesh or cloud of the class `mesh`.
    mesh_folder: where those of the class `mesh_folder` lie.
    closed: whether inside and outside must be sure: meshes that are not watertight are refused.
    """

    num_points: int
    seed: int = 0
    mesh_file: str | None = None
    mesh_folder: str | None = None
    closed: bool = False

    @property
    def resolution(self) -> int:
        """The number of points: what every class of signals can be made finer by."""
        return self.num_points


def checked(options: CloudOptions) -> CloudOptions:
    """The options themselves. Raises UserError if a cloud of so many points is none."""
    if options.num_points < 16:
        raise UserError(
            f"a cloud of {options.num_points} points shows no surface; ask for 16 at least"
        )
    return options


def sampled_space(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two samples for each point of a cloud [n, 3]: one anywhere in [−1, 1]³, one near: [2n, 3].

    The near ones lie at N(0, 0.05²) from their points along each axis.
    """
    anywhere = rng.uniform(-1, 1, points.shape)
    near = points + _NEAR * rng.standard_normal(points.shape)
    return np.stack([anywhere, near], axis=1).reshape(-1, 3)


def oriented_distance(points: np.ndarray, normals: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Signed distance from `coords` [m, 3] to an oriented cloud [n, 3], negative inside: [m].

    d(x) = sign((x − p)·n_p) |x − p|, p being the cloud's point nearest to x. Of a cloud of spacing
    h it is wrong by h at most; its sign may be wrong within h of the surface, or beside edges
    sharper than a right angle.
    """
    from scipy.spatial import KDTree

    away, nearest = KDTree(points).query(coords)
    side = np.sum((coords - points[nearest]) * normals[nearest], axis=1)
    return np.where(side < 0, -away, away)


def tangent_distance(points: np.ndarray, normals: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Distance from `coords` [m, 3] to the planes of the nearest points of a cloud [n, 3]: [m].

    d(x) = Σ_i w_i (x − p_i)·n_i / Σ_i w_i over the 8 nearest points, w_i = exp(−4 |x − p_i|² / h²),
    h being the distance of the farthest: smooth where `oriented_distance` has cells, and of use
    near the surface alone. Source: Kolluri, "Provably good moving least squares", SODA 2005.
    """
    from scipy.spatial import KDTree

    away, nearest = KDTree(points).query(coords, k=min(8, len(points)))
    heights = np.sum((coords[:, None] - points[nearest]) * normals[nearest], axis=-1)
    # Relative to the nearest one, so that far away the weights do not all vanish.
    weights = np.exp((away[:, :1] ** 2 - away**2) / np.maximum(away[:, -1:] ** 2, 1e-12) * 4)
    return np.sum(weights * heights, axis=1) / np.sum(weights, axis=1)


def cloud_of(
    points: np.ndarray,
    normals: np.ndarray,
    coords: np.ndarray,
    distances: np.ndarray,
    centre: np.ndarray | float = 0.0,
    scale: float = 1.0,
) -> Cloud:
    """A Cloud of arrays of any precision."""
    seen = [np.array(array, np.float32) for array in (points, normals, coords, distances)]
    # Where a file lies may be known to the millimetre, thousands of kilometres away.
    place = [np.array(array, np.float64) for array in (np.broadcast_to(centre, 3), scale)]
    return Cloud(*seen, *place)

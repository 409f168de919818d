"""Surfaces as the zero level of a grid of signed distances, and how near one is to another.

All runs on the host, in NumPy.
"""

from typing import NamedTuple

import numpy as np

# How near two surfaces are is biased by how few points stand for each, and hardly scattered by how
# few of them are asked.
_ASKED = 2**15


class Triangles(NamedTuple):
    """A surface: vertices float64 [v, 3] and faces int [f, 3], counter-clockwise from outside."""

    vertices: np.ndarray
    faces: np.ndarray


def grid_coords(resolution: int) -> np.ndarray:
    """The points linspace(−1, 1, r)³, the last coordinate fastest: float32 [r³, 3]."""
    axis = np.linspace(-1, 1, resolution, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def zero_level(distances: np.ndarray) -> Triangles:
    """The surface in [−1, 1]³ between values below and above 0 of a grid [r, r, r].

    It is not closed where the solid meets the sides of the box. No triangles if all values are of
    one sign, or any is not finite.
    """
    distances = np.asarray(distances, np.float64)
    if not (np.isfinite(distances).all() and distances.min() < 0 < distances.max()):
        return Triangles(np.empty((0, 3)), np.empty((0, 3), np.int64))
    found = level_surface(distances, 0.0)
    return found._replace(vertices=found.vertices * (2 / (len(distances) - 1)) - 1)


def level_surface(values: np.ndarray, level: float, inside_above: bool = False) -> Triangles:
    """The surface where a grid [h, w, d] has the value `level`, by marching cubes.

    Vertices count in steps of the grid. Inside is where values are below the level, or above it.
    Source: Lewiner et al., "Efficient implementation of marching cubes' cases", 2003.
    """
    from skimage.measure import marching_cubes

    direction = "ascent" if inside_above else "descent"
    vertices, faces = marching_cubes(values, level, gradient_direction=direction)[:2]
    return Triangles(vertices, faces.astype(np.int64))


def uniform_points(surface: Triangles, num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points uniform on triangles with some area, and their outward normals: [num, 3] each."""
    import trimesh

    mesh = trimesh.Trimesh(*surface, process=False)
    points, faces = trimesh.sample.sample_surface(mesh, num, seed=seed)[:2]
    return np.asarray(points), mesh.face_normals[faces]


def surface_metrics(
    distances: np.ndarray, points: np.ndarray, normals: np.ndarray
) -> dict[str, float]:
    """How near the zero level of a grid [r, r, r] is to a surface, of which points are known.

    As many points p as are known are put on the zero level; with ν the nearest of the other set,

        chamfer = ½ (mean_p |p − ν(p)| + mean_q |q − ν(q)|)
        normal_consistency = ½ (mean_p |n_p·n_ν(p)| + mean_q |n_q·n_ν(q)|)

    lengths counting in the box [−1, 1]³; means are over the first 32,768 points, nearest ones among
    all. Two samples of n points of one surface of area A are about
    ½ √(A/n) apart. The normals' signs do not matter, as is usual; so the second says 1 of a surface
    turned inside out. Without a zero level it is 0, and the first the box's diagonal 2√3.

    Args:
        distances: signed, on `grid_coords(r)`.
        points, normals: [n, 3], uniform on the true surface, in random order.

    Source: Mescheder et al., "Occupancy networks", CVPR 2019, with distances not squared.
    """
    from scipy.spatial import KDTree

    found = zero_level(distances)
    if not len(found.faces):
        return {"chamfer": float(2 * np.sqrt(3)), "normal_consistency": 0.0}
    ours, our_normals = uniform_points(found, len(points))
    to_theirs, theirs = KDTree(points).query(ours[:_ASKED], workers=-1)
    to_ours, mine = KDTree(ours).query(points[:_ASKED], workers=-1)
    agreement = np.abs(np.sum(our_normals[:_ASKED] * normals[theirs], axis=1)).mean()
    agreement += np.abs(np.sum(our_normals[mine] * normals[:_ASKED], axis=1)).mean()
    return {
        "chamfer": float(to_theirs.mean() + to_ours.mean()) / 2,
        "normal_consistency": float(agreement) / 2,
    }

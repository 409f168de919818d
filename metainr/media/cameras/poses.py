"""Poses of cameras in matrices that were estimated, rounded, or scaled on the way."""

from typing import NamedTuple

import numpy as np

_TOLERANCE = 1e-2  # of RᵀR; poses come from optimisers and pass through float32
_LAST_ROW = 1e-4  # likewise
_SINGULAR = 1e-6  # of the determinant, the largest number being 1
_PARALLEL = 1e-3  # of how well axes tell a place across and along them


def pose_and_scale(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """[R t] and s of a matrix [s·R t], float64 [3, 4], that may have the last row (0, 0, 0, 1).

    A scale within the tolerance of a rotation stays in R, as s = 1. Raises ValueError that says
    what is wrong with any other matrix, also with a left-handed one.
    """
    if not np.isfinite(matrix).all():
        raise ValueError("holds NaN or infinity")
    if len(matrix) == 4 and np.abs(matrix[3] - (0, 0, 0, 1)).max() > _LAST_ROW:
        raise ValueError(f"has {matrix[3].tolist()} as its last row; transpose it?")
    left = matrix[:3, :3]
    largest = np.abs(left).max()
    unit = left / (largest or 1)
    determinant = np.linalg.det(unit)
    if abs(determinant) < _SINGULAR:
        raise ValueError("is singular; its left 3×3 part must be a rotation")
    if determinant < 0:
        raise ValueError("is left-handed: it mirrors the picture; negate one axis")
    rotation = unit / np.cbrt(determinant)
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > _TOLERANCE:
        raise ValueError("is no rotation, whatever its scale: its axes are not orthonormal")
    scale = float(largest * np.cbrt(determinant))
    if abs(scale - 1) <= _TOLERANCE / 2:
        return matrix[:3], 1.0
    return np.concatenate([rotation, matrix[:3, 3:]], axis=1), scale


class Placement(NamedTuple):
    """Other coordinates of a scene, x' = scale · (x − centre).

    centre: [3]; scale: above 0.
    """

    centre: np.ndarray
    scale: float

    def there(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3], or last columns of poses [..., 3, 4], in the other coordinates."""
        return self._changed(points, lambda x: self.scale * (x - self.centre))

    def back(self, points: np.ndarray) -> np.ndarray:
        """Points or poses in the other coordinates as they were before."""
        return self._changed(points, lambda x: x / self.scale + self.centre)

    def _changed(self, points, change):
        if points.shape[-1] == 3:
            return change(points.astype(np.float64))
        moved = change(points[..., 3].astype(np.float64))
        return np.concatenate([points[..., :3], moved[..., None]], axis=-1).astype(np.float32)


UNMOVED = Placement(np.zeros(3), 1.0)


def place_looked_at(poses: np.ndarray) -> np.ndarray | None:
    """The place [3] that is nearest to the axes of cameras, float [v, 3, 4].

    None if there is no such place: of one camera, or of parallel ones.
    """
    axes, places = -poses[:, :, 2].astype(np.float64), poses[:, :, 3].astype(np.float64)
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    strengths = np.linalg.eigvalsh(across.sum(0))
    if strengths[0] < _PARALLEL * strengths[-1]:
        return None
    return np.linalg.solve(across.sum(0), np.einsum("vij,vj->i", across, places))


def depths_of(place: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """How far a place [3] lies before each camera, along its axis: [v]."""
    return np.sum((place - poses[:, :, 3]) * -poses[:, :, 2], axis=1)


def depth_looked_at(poses: np.ndarray) -> float | None:
    """The median depth of the place that cameras [v, 3, 4] look at.

    None if there is no such place before them, as of those that look outward.
    """
    place = place_looked_at(poses)
    depth = 0.0 if place is None else float(np.median(depths_of(place, poses)))
    return depth if depth > 0 else None

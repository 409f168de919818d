"""Poses of cameras in matrices that were estimated, rounded, or scaled on the way."""

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


def depth_looked_at(poses: np.ndarray) -> float | None:
    """The median depth of the place that is nearest to the axes of cameras, float [v, 3, 4].

    None if there is no such place before them: of one camera, of parallel ones, of those that look
    outward.
    """
    axes, places = -poses[:, :, 2].astype(np.float64), poses[:, :, 3].astype(np.float64)
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    strengths = np.linalg.eigvalsh(across.sum(0))
    if strengths[0] < _PARALLEL * strengths[-1]:
        return None
    place = np.linalg.solve(across.sum(0), np.einsum("vij,vj->i", across, places))
    depth = float(np.median(np.sum((place - places) * axes, axis=1)))
    return depth if depth > 0 else None

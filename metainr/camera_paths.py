"""Ways of a camera through a scene, for videos."""

import numpy as np

from metainr.cameras import look_at
from metainr.types import Array

_UPRIGHT = 0.9  # cosine; handheld cameras lean, and few scenes do


def interpolate_poses(pose_a: Array, pose_b: Array, t: float) -> np.ndarray:
    """The pose [3, 4] at t between two, 0 giving the first and 1 the second: float32.

        R(t) = R_a exp(t log(R_aᵀ R_b)),    o(t) = (1 − t) o_a + t o_b

    The rotation turns evenly about one axis along the shorter way (Shoemake, SIGGRAPH 1985); t
    outside [0, 1] goes on beyond the ends.
    """
    from scipy.spatial.transform import Rotation

    first, last = (np.asarray(pose, np.float64) for pose in (pose_a, pose_b))
    turn = Rotation.from_matrix(first[:, :3].T @ last[:, :3]).as_rotvec()
    rotation = first[:, :3] @ Rotation.from_rotvec(t * turn).as_matrix()
    origin = (1 - t) * first[:, 3] + t * last[:, 3]
    return np.concatenate([rotation, origin[:, None]], axis=1).astype(np.float32)


def turntable(radius: float, elevation: float, num: int) -> np.ndarray:
    """Poses [num, 3, 4] of OpenGL cameras once round the z axis, all looking at the origin.

    They start above the x axis and go towards y; the last one lies a step before the first, so that
    a video can be repeated.

    Args:
        radius: distance from the origin.
        elevation: angle above the plane z = 0 in radians, within ±π/2.
        num: of poses.
    """
    return _round(radius, np.full(num, elevation), 1)


def spiral(radius: float, low: float, high: float, turns: int, num: int) -> np.ndarray:
    """Poses [num, 3, 4] as `turntable`, which climb and sink again while they go round.

    Args:
        radius: distance from the origin.
        low, high: angles above the plane z = 0 in radians, at the start and half-way.
        turns: times round in all.
        num: of poses.
    """
    share = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(num) / num)
    return _round(radius, low + (high - low) * share, turns)


def _round(radius, elevations, turns):
    angles = 2 * np.pi * turns * np.arange(len(elevations)) / len(elevations)
    level = [np.cos(elevations) * np.cos(angles), np.cos(elevations) * np.sin(angles)]
    eyes = radius * np.stack([*level, np.sin(elevations)], axis=1)
    return np.stack([look_at(eye, (0, 0, 0)) for eye in eyes])


def upward(poses: Array) -> np.ndarray:
    """The unit vector [3] that is up for most cameras [v, 3, 4] of OpenGL's axes.

    That is the coordinate axis, or its negative, which their y axes come close to on average, and
    else that average.
    """
    mean = np.asarray(poses, np.float64)[:, :, 1].mean(axis=0)
    mean /= max(np.linalg.norm(mean), 1e-9)
    nearest = np.abs(mean).argmax()
    if np.abs(mean[nearest]) < _UPRIGHT:
        return mean
    return np.sign(mean[nearest]) * np.eye(3)[nearest]


def tilted(poses: Array, up: Array) -> np.ndarray:
    """Poses [n, 3, 4] turned about the origin, so that what pointed along z points along `up`."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.align_vectors(np.asarray(up)[None], [[0.0, 0.0, 1.0]])[0]
    return (turn.as_matrix() @ np.asarray(poses, np.float64)).astype(np.float32)

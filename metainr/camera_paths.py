"""Ways of a camera through a scene, for videos."""

import numpy as np

from metainr.cameras import look_at
from metainr.types import Array


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
    angles = 2 * np.pi * np.arange(num) / num
    height, reach = radius * np.sin(elevation), radius * np.cos(elevation)
    eyes = [(reach * np.cos(angle), reach * np.sin(angle), height) for angle in angles]
    return np.stack([look_at(eye, (0, 0, 0)) for eye in eyes])

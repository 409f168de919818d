"""Photographs with their cameras, and the rays of their pixels.

A camera is a pose [3, 4], camera to world, and the inverse K⁻¹ [3, 3] of its intrinsics: the pixel
in column x and row y looks along R K⁻¹ (x, y, 1)ᵀ from t, where R and t are the pose's rotation
and translation. K⁻¹ carries the camera's axes too, so that all conventions are one here. Functions
take arrays of NumPy or JAX and give the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from metainr.types import Array


class Views(NamedTuple):
    """Photographs of one scene, v of them.

    images: float32 [v, h, w, 3] in [0, 1]; those smaller than the others are padded below, right;
    poses: float32 [v, 3, 4], camera to world;
    inverse_intrinsics: float32 [v, 3, 3];
    bounds: float32 [v, 2], the nearest and farthest depth of what is seen, in lengths of the rays'
        directions;
    windows: int32 [v, 4], first row, first column, rows and columns of the pixels that count.
    """

    images: Array
    poses: Array
    inverse_intrinsics: Array
    bounds: Array
    windows: Array


class Rays(NamedTuple):
    """Rays o + z·d, near ≤ z ≤ far: origins and directions [n, 3], bounds (near, far) [n, 2]."""

    origins: Array
    directions: Array
    bounds: Array


class RaySamples(NamedTuple):
    """Rays [n, 3] with the depths z [n, s], ascending, of the points o + z·d on them.

    Directions have the length that a camera gives them; depths count in it.
    """

    origins: Array
    directions: Array
    depths: Array


def pixel_rays(pose: Array, inverse_intrinsics: Array, bounds: Array, pixels: Array) -> Rays:
    """The rays of pixels [n, 2], given as (row, column), real numbers allowed.

    Cameras are one per pixel (poses [n, 3, 4], inverse intrinsics [n, 3, 3], bounds [n, 2]) or one
    for all, with a leading axis of 1.
    """
    rows, columns = pixels[:, :1], pixels[:, 1:]
    in_camera = (
        columns * inverse_intrinsics[..., 0]
        + rows * inverse_intrinsics[..., 1]
        + inverse_intrinsics[..., 2]
    )
    along_x, along_y, along_z = (in_camera[:, i : i + 1] * pose[..., i] for i in range(3))
    directions = along_x + along_y + along_z
    zeros = 0 * directions
    return Rays(zeros + pose[..., 3], directions, zeros[:, :2] + bounds)


def even_depths(bounds: Array, num_samples: int) -> Array:
    """Depths [n, num_samples] from near to far, both included, for bounds (near, far) [n, 2]."""
    shares = np.linspace(0, 1, num_samples, dtype=bounds.dtype)[None]
    return bounds[:, :1] + shares * (bounds[:, 1:] - bounds[:, :1])


def image_pixels(height: int, width: int) -> np.ndarray:
    """All pixels of an image, row by row: float32 [h·w, 2] as (row, column)."""
    return np.moveaxis(np.mgrid[:height, :width], 0, -1).reshape(-1, 2).astype(np.float32)


def opengl_inverse_intrinsics(focal: float, height: int, width: int) -> np.ndarray:
    """K⁻¹ of a pinhole camera that looks along −z with y up, as OpenGL's and Blender's do.

    focal: in pixels; the optical axis meets the image at (width / 2, height / 2). float32 [3, 3].
    """
    return np.array(
        [[1 / focal, 0, -width / 2 / focal], [0, -1 / focal, height / 2 / focal], [0, 0, -1]],
        np.float32,
    )


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> np.ndarray:
    """The pose [3, 4] of an OpenGL camera at `eye` that looks at `target`; `up` is not along it."""
    place = np.asarray(eye, np.float64)
    backward = place - np.asarray(target, np.float64)
    backward /= np.linalg.norm(backward)
    right = np.cross(np.asarray(up, np.float64), backward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(backward, right), backward, place], -1).astype(np.float32)

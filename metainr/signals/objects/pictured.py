"""Solids as pictures: fixed light, smooth edges, transparent where nothing is."""

from collections.abc import Sequence

import numpy as np

from metainr.cameras import pixel_rays
from metainr.signals.solids import Solid, cast

_SUN = np.array([0.35, -0.55, 0.76], np.float32)
_SKY = np.array([-0.62, 0.48, 0.62], np.float32)
_RAYS_AT_ONCE = 2**16  # so that their arrays stay in the processor's cache


def pictured(
    solids: Sequence[Solid],
    poses: np.ndarray,
    inverse_intrinsics: np.ndarray,
    resolution: int,
    samples: int = 2,
) -> np.ndarray:
    """Pictures of solids: float32 [v, n, n, 4], RGB times alpha and alpha, all in [0, 1].

    A pixel is the mean of samples² rays through the middles of its equal parts. The light does not
    depend on where the camera is, so that colour is a function of the place alone.

    Args:
        solids: at least one.
        poses: [v, 3, 4], camera to world.
        inverse_intrinsics: [v, 3, 3].
        resolution: side n of a picture in pixels.
        samples: rays along a pixel's side.
    """
    side = resolution * samples
    steps = ((np.arange(side, dtype=np.float32) + 0.5) / samples) - 0.5
    pixels = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    unbounded = np.zeros((1, 2), np.float32)
    together = max(1, _RAYS_AT_ONCE // len(pixels))
    pictures = []
    for first in range(0, len(poses), together):
        rays = [
            pixel_rays(pose[None], inverse[None], unbounded, pixels)
            for pose, inverse in zip(poses[first:], inverse_intrinsics[first : first + together])
        ]
        origins, directions = (
            np.concatenate([getattr(ray, name) for ray in rays])
            for name in ("origins", "directions")
        )
        values = _seen(solids, origins, directions)
        parts = values.reshape(-1, resolution, samples, resolution, samples, 4)
        # By hand: NumPy is slow along axes as short as these.
        total = sum(parts[:, :, i, :, j] for i in range(samples) for j in range(samples))
        pictures.append(total / samples**2)
    return np.concatenate(pictures)


def _seen(solids, origins, directions):
    """RGB and alpha of rays: float32 [n, 4], zero where they meet nothing."""
    hits = cast(solids, origins, directions)
    met = np.flatnonzero(hits.indices >= 0)
    normals = hits.normals[met]
    # A wide sky from the other side keeps faces apart that the sun does not reach.
    light = 0.5 + 0.42 * np.maximum(normals @ _SUN, 0) + 0.14 * (normals @ _SKY)
    colours = np.array([solid.material for solid in solids], np.float32)[hits.indices[met]]
    values = np.zeros((len(hits.depths), 4), np.float32)
    values[met, :3] = np.clip(colours * light[:, None] + 0.04 * normals, 0, 1)
    values[met, 3] = 1
    return values

"""Where a field of densities holds matter: a grid of cells, made once to render many views."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from metainr.cameras import pixel_rays
from metainr.evaluation.render import chunk_size_for
from metainr.numerics import map_over_chunks
from metainr.types import Array, Params


class Occupancy(NamedTuple):
    """A box of r³ equal cells.

    occupied: bool [r, r, r], by x, y and z, whether a cell may hold matter;
    low, high: the box's corners [3]; beyond it there is nothing.
    """

    occupied: Array
    low: Array
    high: Array


def make_find_occupancy(
    apply: Callable[[Params, Array], Array],
    density: Callable[[Array], Array],
    resolution: int = 64,
    threshold: float = 0.01,
    chunk_size: int | None = None,
) -> Callable[[Params, Array, Array], Occupancy]:
    """Builds (params, low [3], high [3]) -> `Occupancy` of that box, asking the field r³ times.

    Matter is where the density at a cell's centre, or at that of one of its 26 neighbours, exceeds
    the threshold: what is thinner than a cell can be missed.

    Args:
        apply: `(params, coords [n, 3]) -> features [n, c]`.
        density: features [n, c] -> densities [n].
        resolution: r, cells along each axis.
        threshold: a density; a ray that it fills for a length L would be threshold · L opaque.
        chunk_size: evaluations at a time; None: what suits the machine and the widest layer.
    """
    centres = (np.arange(resolution) + 0.5) / resolution

    @jax.jit
    def find(params, low, high):
        def is_matter(numbers):
            cells = jnp.stack(jnp.unravel_index(numbers, (resolution,) * 3), axis=-1)
            shares = jnp.asarray(centres, jnp.float32)[cells]
            coords = low[None] + shares * (high - low)[None]
            return density(apply(params, coords)) > threshold

        numbers = jnp.arange(resolution**3)
        matter = map_over_chunks(is_matter, numbers, chunk_size or chunk_size_for(params))
        return Occupancy(_dilated(matter.reshape((resolution,) * 3)), low, high)

    return find


def is_occupied(occupancy: Occupancy, coords: Array) -> jax.Array:
    """Whether points [..., 3] lie in occupied cells: bool [...]."""
    resolution = occupancy.occupied.shape[0]
    lead = (1,) * (coords.ndim - 1)
    low, high = (x.reshape(*lead, 3) for x in (occupancy.low, occupancy.high))
    cells = jnp.floor((coords - low) / (high - low) * resolution).astype(jnp.int32)
    inside = jnp.all((cells >= 0) & (cells < resolution), axis=-1)
    x, y, z = jnp.moveaxis(jnp.clip(cells, 0, resolution - 1), -1, 0)
    return inside & occupancy.occupied[x, y, z]


def seen_box(
    poses: Array, inverse_intrinsics: Array, bounds: Array, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest box (low [3], high [3]) that holds all that views see between near and far.

    Args:
        poses, inverse_intrinsics, bounds: of v views, [v, 3, 4], [v, 3, 3] and [v, 2].
        height, width: of their images.
    """
    rows, columns = [0, 0, height - 1, height - 1], [0, width - 1, 0, width - 1]
    corners = np.stack([rows, columns], -1).astype(np.float32)
    pose, inverse, depths = (
        np.repeat(np.asarray(x), 4, axis=0) for x in (poses, inverse_intrinsics, bounds)
    )
    rays = pixel_rays(pose, inverse, depths, np.tile(corners, (len(poses), 1)))
    ends = np.asarray(rays.origins[:, None] + rays.bounds[..., None] * rays.directions[:, None])
    return ends.min((0, 1)), ends.max((0, 1))


def _dilated(cells):
    """Cells that are true, or touch one that is, if only by a corner."""
    return lax.reduce_window(cells, False, lax.bitwise_or, (3, 3, 3), (1, 1, 1), "SAME")

"""Draws of rays through the pixels of photographs, and of depths along them."""

import jax
import jax.numpy as jnp

from metainr.cameras import RaySamples, even_depths, pixel_rays
from metainr.types import Array, Draw, Key, Observations


def stratified(bounds: Array, num_samples: int, key: Key | None = None) -> Array:
    """Depths along rays: z_k = near + (far − near) · (k / (N − 1) + u_k / N), k < N.

    Args:
        bounds: (near, far) [n, 2].
        num_samples: N.
        key: of u_k ~ U(0, 1), drawn for every ray and sample; None: all are 0.

    Returns: [n, N], ascending; the last one may lie up to (far − near) / N beyond far, as it does
    in Tancik et al., CVPR 2021.
    """
    depths = even_depths(bounds, num_samples)
    if key is None:
        return depths
    step = (bounds[:, 1:] - bounds[:, :1]) / num_samples
    return depths + step * jax.random.uniform(key, depths.shape, depths.dtype)


def random_rays(num_rays: int, num_samples: int) -> Draw:
    """Draws rays through random pixels of `Views`, with `num_samples` jittered depths each.

    Every ray has a view of its own, each being as likely, and a pixel of that view's window, each
    being as likely. Inputs are `RaySamples`, targets the pixels' colours [n, 3].
    """

    def draw(params, views, key, step):
        view_key, row_key, column_key, depth_key = jax.random.split(key, 4)
        view = jax.random.randint(view_key, (num_rays,), 0, len(views.images))
        first_row, first_column, height, width = jnp.asarray(views.windows)[view].T
        row = first_row + jax.random.randint(row_key, (num_rays,), 0, height)
        column = first_column + jax.random.randint(column_key, (num_rays,), 0, width)
        colours = jnp.asarray(views.images)[view, row, column]
        pixels = jnp.stack([row, column], axis=-1).astype(colours.dtype)
        cameras = (views.poses, views.inverse_intrinsics, views.bounds)
        poses, inverses, bounds = (jnp.asarray(x)[view] for x in cameras)
        rays = pixel_rays(poses, inverses, bounds, pixels)
        depths = stratified(rays.bounds, num_samples, depth_key)
        inputs = RaySamples(rays.origins, rays.directions, depths)
        return Observations(inputs, colours, jnp.ones(num_rays, colours.dtype))

    return draw

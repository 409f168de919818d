"""Projections of a slice along rays, as a CT scanner takes them.

The slice f lives on the unit square, is zero outside it and turns about its centre. A ray is named
by its view's angle θ and its signed distance s from the centre; it is as long as the square's side:

    p(θ, s) = ∫ f(centre + s·(cos θ, −sin θ) + t·(sin θ, cos θ)) dt,    −½ ≤ t ≤ ½

with x to the right and y down, as images are stored: θ turns the detector counter-clockwise as one
sees the image, and at θ = 0 a projection is the mean over the image's rows. The mean of n samples
stands for the integral. The rays of a view are parallel, or turned against its angle each by its
own, as those of a fan are (`metainr.measurements.fan`).

Pixels are cells of side 1/n whose value is that in their middle, so that the centre of rotation is
index (n − 1)/2 on both axes: a projection is that of the pixel grid turned about its own centre.
A field is asked for a pixel at the cell's upper left corner, (column/n, row/n), as everywhere here.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from metainr.types import Array, Measurement

Interpolation = Literal["bilinear", "nearest"]


class Rays(NamedTuple):
    """The rays of a view that are not parallel.

    places: [d], signed distances s from the centre of rotation, in sides of the square.
    turns: [d] in radians: at a view of angle φ a ray's own angle θ is φ + its turn.
    """

    places: ArrayLike
    turns: ArrayLike


Detectors = ArrayLike | Rays
"""Positions [d] of parallel rays, in sides of the square from the centre of rotation; or rays."""


def detector_grid(num_detectors: int) -> np.ndarray:
    """Positions float32 [d] of detectors that divide the side of the square evenly, in sides."""
    places = np.arange(num_detectors) - (num_detectors - 1) / 2
    return (places / num_detectors).astype(np.float32)


def project(
    image: Array, angles: Array, detectors: Detectors, interpolation: Interpolation = "bilinear"
) -> Array:
    """Projections of an image [n, n] at angles [v] (radians) on detectors [d]: [v, d].

    Linear in the image. Every ray is the mean of n samples one pixel apart, zero beyond the border
    pixels' reach.

    Args:
        image: rows from the top, columns from the left.
        angles: of the views; if rays are parallel, θ + π sees what θ sees, mirrored.
        detectors: positions s in sides of the square from the centre of rotation, or `Rays`.
        interpolation: of a sample between pixels; "nearest" is the projector of Tancik et al.,
            CVPR 2021.
    Raises ValueError for an image that is not square or another interpolation.
    """
    if image.ndim != 2 or image.shape[0] != image.shape[1]:
        raise ValueError(f"an image of shape {image.shape} is not square [n, n]")
    if interpolation not in _SAMPLERS:
        raise ValueError(f"interpolation {interpolation!r} is none of {', '.join(_SAMPLERS)}")
    size, sample = len(image), _SAMPLERS[interpolation]
    centre = (size - 1) / 2
    places, turns = _rays(detectors)
    across = jnp.asarray(places, image.dtype)[:, None] * size
    turned = jnp.asarray(turns, image.dtype)[:, None]
    along = jnp.arange(size, dtype=image.dtype)[None, :] - centre
    # A frame of zeros spares the samples outside a test.
    framed = jnp.pad(image, 1)

    def view(angle):
        cos, sin = jnp.cos(angle + turned), jnp.sin(angle + turned)
        columns = centre + across * cos + along * sin
        rows = centre - across * sin + along * cos
        return sample(framed, rows + 1, columns + 1).mean(axis=1)

    return jax.vmap(view)(jnp.asarray(angles, image.dtype))


def projection(
    size: int = 16, detectors: Detectors | None = None, interpolation: Interpolation = "bilinear"
) -> Measurement:
    """Inputs are angles [v], predictions projections [v, d] of the field on a grid of `size`².

    The field, of 2 coordinates (x, y) and 1 value, is asked once per pixel however many views
    there are. `detectors` are as in `project`; None: `detector_grid(size)`.
    """
    places = detector_grid(size) if detectors is None else detectors
    axis = np.arange(size) / size
    grid = np.stack(np.meshgrid(axis, axis, indexing="xy"), -1).reshape(-1, 1, 2)
    grid = grid.astype(np.float32)

    def pool(features, angles):
        return project(features.reshape(size, size), angles, places, interpolation)

    return Measurement(
        points=lambda angles: jnp.asarray(grid),
        local=lambda field, coords: field(coords),
        pool=pool,
        coupled=True,
    )


def ray_projection(
    num_samples: int = 16, detectors: Detectors | None = None, centre: float | None = None
) -> Measurement:
    """The same predictions [v, d] for angles [v], the field being asked along every ray itself.

    Slower, and exact as `num_samples` grows: samples that leave the square are zero.

    Args:
        num_samples: along each ray.
        detectors: as in `project`; None: `detector_grid(num_samples)`.
        centre: both coordinates of the centre of rotation. None: where a grid of `num_samples`²
            pixels has it, (num_samples − 1) / (2 num_samples).
    """
    places, turns = _rays(detector_grid(num_samples) if detectors is None else detectors)
    centre = (num_samples - 1) / (2 * num_samples) if centre is None else centre
    along = detector_grid(num_samples)

    def offsets(angles):
        turned = angles[:, None, None] + jnp.asarray(turns)[None, :, None]
        cos, sin = jnp.cos(turned), jnp.sin(turned)
        across = jnp.asarray(places)[None, :, None]
        x = across * cos + along[None, None] * sin
        y = along[None, None] * cos - across * sin
        return jnp.stack([x, y], -1).reshape(len(angles), -1, 2)

    def pool(features, angles):
        inside = jnp.all(jnp.abs(offsets(angles)) <= 0.5, -1)
        values = jnp.where(inside, features[..., 0], 0)
        return values.reshape(len(angles), -1, num_samples).mean(-1)

    return Measurement(
        points=lambda angles: centre + offsets(angles),
        local=lambda field, coords: field(coords),
        pool=pool,
    )


def _rays(detectors):
    return detectors if isinstance(detectors, Rays) else Rays(detectors, np.zeros(1, np.float32))


def _nearest(framed, rows, columns):
    """The pixel that a point lies in. Points are clipped to the frame, which is zero."""
    last = len(framed) - 1
    row, column = (jnp.clip(jnp.floor(x + 0.5), 0, last).astype(int) for x in (rows, columns))
    return framed.reshape(-1)[row * len(framed) + column]


def _bilinear(framed, rows, columns):
    """The mean of the four pixels about a point, by their nearness."""
    size = len(framed)
    rows, columns = (jnp.clip(x, 0, size - 1) for x in (rows, columns))
    top, left = (jnp.clip(jnp.floor(x), 0, size - 2) for x in (rows, columns))
    down, right = rows - top, columns - left
    first = top.astype(int) * size + left.astype(int)
    corners = [framed.reshape(-1)[first + step] for step in (0, 1, size, size + 1)]
    upper = corners[0] * (1 - right) + corners[1] * right
    lower = corners[2] * (1 - right) + corners[3] * right
    return upper * (1 - down) + lower * down


_SAMPLERS = {"bilinear": _bilinear, "nearest": _nearest}

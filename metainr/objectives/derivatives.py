"""Images as data of an objective on their derivatives: what these are, and losses of them.

An image [h, w, c] stands on [−1, 1]²: pixel (i, j) lies at (−1 + 2i/(h − 1), −1 + 2j/(w − 1)), and
its derivatives are in values per unit of length there. They are central differences of second
order; along the border, where a neighbour is missing, gradients are one-sided differences of second
order too and second derivatives are those of the pixel next to it. All are exact for quadratics.
"""

import jax
import jax.numpy as jnp
import numpy as np

from metainr.types import Array, Draw, Observations

_TINY = 1e-12  # keeps the slopes of a norm finite where it is zero


def square_grid(shape: tuple[int, int]) -> np.ndarray:
    """Coordinates [h·w, 2] of the pixels of an image on [−1, 1]², row by row, corners included."""
    axes = [np.linspace(-1, 1, side) for side in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)


def pixel_spacing(side: int) -> float:
    """The distance of neighbouring pixels of `side` in a row on [−1, 1]."""
    return 2 / (side - 1)


def image_gradient(image: Array) -> Array:
    """(∂_0 f, ∂_1 f) of an image f [h, w, 1] on [−1, 1]²: [h, w, 2], rows' direction first.

    Raises ValueError for a side below 3 pixels.
    """
    return jnp.concatenate([_slope(image, axis) for axis in (0, 1)], -1)


def image_laplacian(image: Array) -> Array:
    """∂_0² f + ∂_1² f of an image f [h, w, 1] on [−1, 1]²: [h, w, 1]; five points inside.

    Raises ValueError for a side below 3 pixels.
    """
    return _curvature(image, 0) + _curvature(image, 1)


def zeros_at_random(num_points: int, dim: int = 2) -> Draw:
    """Draws uniform points of [−1, 1]^dim with targets 0 [n, 1], whatever the support: for priors.

    `dim` is the number of coordinates.
    """

    def draw(params, support, key, step):
        coords = jax.random.uniform(key, (num_points, dim), minval=-1.0, maxval=1.0)
        return Observations(coords, jnp.zeros((num_points, 1)), jnp.ones(num_points))

    return draw


def absolute_error(predictions: Array, targets: Array) -> Array:
    """Mean over channels of |prediction − target|: [n, c], [n, c or 1] -> [n].

    Of gradients against 0 it is the total variation.
    """
    return jnp.mean(jnp.abs(predictions - targets), axis=-1)


def frobenius_error(predictions: Array, targets: Array) -> Array:
    """√Σ (prediction − target)² over all entries: [n, ...], [n, 1] -> [n].

    Of Hessians against 0 it is their Frobenius norm; 1e-12 joins the sum so that slopes at 0 exist.
    """
    entries = predictions.reshape(len(predictions), -1) - targets
    return jnp.sqrt(jnp.sum(jnp.square(entries), axis=-1) + _TINY)


def _slope(image, axis):
    f = _checked(image, axis)
    first = -3 * f[:1] + 4 * f[1:2] - f[2:3]
    last = 3 * f[-1:] - 4 * f[-2:-1] + f[-3:-2]
    differences = jnp.concatenate([first, f[2:] - f[:-2], last])
    return jnp.moveaxis(differences / (2 * pixel_spacing(len(f))), 0, axis)


def _curvature(image, axis):
    f = _checked(image, axis)
    inside = f[2:] - 2 * f[1:-1] + f[:-2]
    differences = jnp.concatenate([inside[:1], inside, inside[-1:]])
    return jnp.moveaxis(differences / pixel_spacing(len(f)) ** 2, 0, axis)


def _checked(image, axis):
    """The image with an axis first, if it is long enough."""
    if image.shape[axis] < 3:
        raise ValueError(f"an image of shape {image.shape} has a side below 3 pixels")
    return jnp.moveaxis(jnp.asarray(image), axis, 0)

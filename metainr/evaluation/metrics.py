"""Image quality: PSNR and SSIM of values in [0, 1]."""

import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.signal import convolve

from metainr.types import Array

_SIGMA = 1.5
_RADIUS = 5
_C1 = 0.01**2
_C2 = 0.03**2


def psnr_of_mse(mse: Array | float) -> Array:
    """PSNR in dB for a peak of 1: −10 log10(mse). Infinite for a perfect fit."""
    return -10 * jnp.log10(mse)


def psnr(image: Array, reference: Array) -> Array:
    """PSNR in dB of two arrays of equal shape; not clipped.

    >>> found = metainr.evaluation.metrics.psnr(jnp.full((2, 2), 0.1), jnp.zeros((2, 2)))
    >>> round(float(found), 3)
    20.0
    """
    return psnr_of_mse(jnp.mean(jnp.square(image - reference)))


def picture_metrics(image: Array, reference: Array) -> dict[str, Array]:
    """PSNR and SSIM of images [h, w, c]; of those that have too few pixels for it, no SSIM."""
    found = {"psnr": psnr(image, reference)}
    return found if has_no_ssim(min(image.shape[:2])) else found | {"ssim": ssim(image, reference)}


def has_no_ssim(side: int) -> bool:
    """Whether images of a side below its window's 11 pixels have no SSIM."""
    return side <= 2 * _RADIUS


def ssim(image: Array, reference: Array) -> Array:
    """Structural similarity of images [h, w, c], in [−1, 1]; NaN if a side is below 11 pixels.

    Gaussian windows of σ = 1.5 cut off at 11 × 11, population covariances, mean over windows that
    lie inside the image and over channels. Source: Wang et al., IEEE TIP 2004.
    """
    if has_no_ssim(min(image.shape[:2])):
        return jnp.asarray(jnp.nan, image.dtype)
    x, y = _smooth(image), _smooth(reference)
    var_x = _smooth(image * image) - x * x
    var_y = _smooth(reference * reference) - y * y
    covariance = _smooth(image * reference) - x * y
    similarity = ((2 * x * y + _C1) * (2 * covariance + _C2)) / (
        (x * x + y * y + _C1) * (var_x + var_y + _C2)
    )
    return similarity.mean()


def _smooth(image):
    offsets = jnp.arange(-_RADIUS, _RADIUS + 1, dtype=image.dtype)
    window = jnp.exp(-0.5 * (offsets / _SIGMA) ** 2)
    window = window / window.sum()
    options = {"mode": "valid", "method": "direct", "precision": Precision.HIGHEST}
    rows = convolve(image, window[:, None, None], **options)
    return convolve(rows, window[None, :, None], **options)

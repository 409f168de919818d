"""Signed distance fields of random smooth closed curves."""

import numpy as np

from metainr.signals.access import generated
from metainr.signals.images.options import ImageOptions
from metainr.signals.images.signed_distance import signed_distance
from metainr.types import SignalClass

_POINTS = 1024


def sdf(options: ImageOptions) -> SignalClass:
    """Images 0.5 + d, clipped to [0, 1], of one smooth simple closed curve each.

    d is the distance to the curve in units of the image's side, positive outside; the three
    channels are equal. Curves lie wholly in the image.
    """
    return generated("sdf", options, _draw)


def smooth_loop(rng: np.random.Generator) -> np.ndarray:
    """A random smooth simple curve round the origin: [1024, 2] points, the farthest at distance 1.

    In polar coordinates r(φ) ∝ 1 + Σ_{k=2,3,4} a_k cos(kφ + φ_k) with a_k ~ U(0, 0.15), so r is
    positive and the curve cannot meet itself.
    """
    orders = np.arange(2, 5)
    amplitudes = rng.uniform(0, 0.15, len(orders))
    phases = rng.uniform(0, 2 * np.pi, len(orders))
    angle = np.arange(_POINTS) * (2 * np.pi / _POINTS)
    radius = 1 + np.cos(angle[:, None] * orders + phases) @ amplitudes
    return (radius / radius.max())[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def to_image(distance: np.ndarray) -> np.ndarray:
    """clip(0.5 + distance, 0, 1) of [n, n] in three equal channels: float32 [n, n, 3]."""
    grey = np.clip(0.5 + distance, 0, 1).astype(np.float32)
    return np.repeat(grey[..., None], 3, axis=-1)


def curve_distance(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Signed distance to a random curve, positive outside: float64 [n, n], in image sides."""
    size = rng.uniform(0.2, 0.38)
    centre = rng.uniform(0.4, 0.6, 2)
    return signed_distance([centre + size * smooth_loop(rng)], resolution, spacing=0.5)


def _draw(rng, resolution):
    return to_image(curve_distance(rng, resolution))

"""Curves with texture: a combination of two classes, for inits that are composed of theirs."""

import numpy as np

from metainr.signals.images.options import ImageOptions
from metainr.signals.images.photos import of_photos
from metainr.signals.images.sdf import curve_distance, to_image
from metainr.types import SignalClass


def textured(options: ImageOptions) -> SignalClass:
    """Signed distances as those of `sdf` outside the curve, a crop as those of `photos` inside."""
    return of_photos("textured", options, _filled)


def _filled(rng, crop):
    distance = curve_distance(rng, len(crop))
    return np.where(distance[..., None] > 0, to_image(distance), crop)

"""Printed digits: ten kinds of pictures, whose labels are known."""

import numpy as np

from metainr.signals.access import generated, generator
from metainr.signals.images.options import ImageOptions
from metainr.signals.images.text import font
from metainr.types import SignalClass

FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "STIXGeneral", "cmr10", "cmss10"),
)
_SIZES = (0.75, 0.95)  # of a font's em square, in units of the image's side
_SHIFT = 0.05
_TURN = 15  # degrees
_FINER = 4  # drawn at so many times the resolution, for soft edges


def digits(options: ImageOptions) -> SignalClass:
    """One white digit on black in each, of random font, size, place and angle.

    Its label is the digit: "0" to "9", equally likely.
    """

    def label(split, index):
        return str(_digit(generator("digits", options.seed, split, index)))

    return generated("digits", options, _draw)._replace(label=label)


def _digit(rng):
    return int(rng.integers(10))


def _draw(rng, resolution):
    from PIL import Image, ImageDraw

    digit, side = _digit(rng), _FINER * resolution
    page = Image.new("L", (side, side))
    typeface = font(FONTS[rng.integers(len(FONTS))], max(round(side * rng.uniform(*_SIZES)), 1))
    place = tuple(side * (0.5 + rng.uniform(-_SHIFT, _SHIFT, 2)))
    ImageDraw.Draw(page).text(place, str(digit), 255, typeface, anchor="mm")
    turned = page.rotate(rng.uniform(-_TURN, _TURN), Image.Resampling.BICUBIC, center=place)
    small = turned.resize((resolution, resolution), Image.Resampling.BOX)
    grey = np.asarray(small, np.float32) / 255
    return np.repeat(grey[..., None], 3, axis=-1)

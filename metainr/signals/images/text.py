"""Pages of random strings in many fonts, sizes and colours."""

import functools
import string
from pathlib import Path

import numpy as np

from metainr.plotting import matplotlib
from metainr.signals.access import generated
from metainr.signals.images.options import ImageOptions
from metainr.types import SignalClass

# All of matplotlib's own TrueType fonts that have the Latin letters at their places: not its symbol
# fonts, nor those whose letters are boxes, nor cmti10, which its older releases lack.
FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-BoldItalic", "-Italic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "BolIta", "Italic")),
    *("cmb10", "cmmi10", "cmr10", "cmss10", "cmtt10"),
)
_COUNTS = (4, 10)
_LENGTHS = (3, 12)
_SIZES = (0.08, 0.22)  # of a font's em square, in units of the image's side
_BRIGHTEST = 0.75


def text(options: ImageOptions) -> SignalClass:
    """White pages with 4 to 10 strings of 3 to 12 upper and lower case letters.

    Font, size, colour and position are random; a string lies over those before it, and is clipped
    at the borders. The letters are anti-aliased.
    """
    return generated("text", options, _draw)


def _draw(rng, resolution):
    return with_strings(rng, np.ones((resolution, resolution, 3), np.float32))


def with_strings(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A picture [n, n, 3] in [0, 1] with such strings over it, in 256 levels: float32 [n, n, 3]."""
    from PIL import Image, ImageDraw

    page = Image.fromarray(np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8))
    pen, resolution = ImageDraw.Draw(page), page.width
    for _ in range(rng.integers(_COUNTS[0], _COUNTS[1] + 1)):
        letters = rng.choice(list(string.ascii_letters), rng.integers(_LENGTHS[0], _LENGTHS[1] + 1))
        size = round(resolution * rng.uniform(*_SIZES))
        typeface = font(FONTS[rng.integers(len(FONTS))], max(size, 1))
        colour = tuple(int(value) for value in 255 * rng.uniform(0, _BRIGHTEST, 3))
        position = tuple(resolution * rng.uniform(0, 1, 2))
        pen.text(position, "".join(letters), colour, typeface, anchor="mm")
    return np.asarray(page, np.float32) / 255


@functools.lru_cache(maxsize=1024)
def font(name: str, size: int):
    """matplotlib's own font of that file name without suffix, `size` pixels high."""
    from PIL import ImageFont

    path = Path(matplotlib().get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    # The basic layout is part of Pillow itself; the other one is a library some machines lack.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)

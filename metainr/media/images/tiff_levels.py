"""Levels and colours of a TIFF's pages that would be read wrongly."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from metainr.errors import UserError

WHOLE = (1, 8, 16, 32, 64)  # bits of values that are not packed across bytes, or simply
_LABS = (8, 9, 10)  # CIELAB in its three codings
_DARK = 256  # of 65536 levels; palettes that stay below are of 8 bits
_LEVELS = 532  # the tag of black and white in YCbCr
_CFA = 32803  # colours that pixels see by turns


# Pages are `Any`: what tifffile says of their types does not hold for pages that were read.


def check_bits(path: str | Path | BinaryIO, page: Any) -> None:
    """Raises UserError for levels and colours that no library here makes the right ones of."""
    import tifffile

    if page.photometric == _CFA:
        raise UserError(f"{path} holds a camera's raw data; develop it, and save it as RGB")
    if page.photometric in _LABS:  # of which Pillow makes other colours than were meant
        raise UserError(f"picture {path} has its colours in CIELAB; save it as RGB")
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and 0 < page.colormap.max() < _DARK:
        raise UserError(f"picture {path} has a palette of 8 bits in place of 16; save it as RGB")
    if _is_of_video(page):  # libtiff undoes it, but only of what is compressed
        raise UserError(f"picture {path} has colours of video levels (YCbCr); save it as RGB")
    bits, black = page.bitspersample, tifffile.PHOTOMETRIC.MINISBLACK
    # Pillow knows no others that are packed.
    twelve = bits == 12 and page.parent.byteorder == "<" and page.photometric == black
    packed = page.samplesperpixel == 1 and (bits in (2, 4) or twelve)
    if bits not in WHOLE and not packed:
        raise UserError(f"picture {path} has {bits} bits a value; save it with 8 or 16 bits")


def check_decodable(path: str | Path | BinaryIO, page: Any) -> None:
    """Raises UserError for deep levels whose bytes or signs Pillow gets wrong, being compressed."""
    import tifffile

    levels, swapped = str(page.dtype), page.parent.byteorder == ">"
    is_known = levels == "uint16" or (levels in ("int16", "int32", "float32") and not swapped)
    apart = page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    if page.bitspersample > 8 and (apart or inverted or not is_known):
        raise UserError(
            f"{path} has {levels} levels that are compressed by {page.compression.name}, which "
            "cannot be read; save it uncompressed or deflated"
        )


def _is_of_video(page):
    """Whether colours are stored in parts of their levels, which only a library undoes."""
    import tifffile

    if (page.photometric, page.compression) != (
        tifffile.PHOTOMETRIC.YCBCR,
        tifffile.COMPRESSION.NONE,
    ):
        return False
    told = page.tags.get(_LEVELS)
    numbers = np.reshape(told.value, (-1, 2)) if told else np.array([[0, 1], [255, 1]])
    return bool(numbers[0, 0] or numbers[1, 0] != 255 * numbers[1, 1])

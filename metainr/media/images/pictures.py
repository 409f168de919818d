"""Picture files as they are meant to be seen, with all of their bits.

PNG and TIFF store deep colours in two bytes per value. Of a PNG's Pillow keeps the high one; told
that the bytes are in the other order it keeps the low one, so that two readings give the value.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.media.images import profiles, tiffs
from metainr.media.images.colour_notes import shape_of_pixels, tell_colours, tell_oblong
from metainr.media.opening import damage_told, opened

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
_ORIENTATION = 274  # EXIF's tag
_SAMPLE_FORMAT, _SIGNED = 339, 2  # TIFF's tag, and one of its values
_OTHER_ORDER = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
_GREY_AND_ALPHA = "LA;16B"
_TOPS = {"1": 1, "L;2": 3, "L;4": 15}  # white of coarse grey
_ROUNDING = 1e-6  # by which floats may leave [0, 1]
_SHALLOW = 4096  # levels: a 16-bit picture of fewer may be one of a camera with 12 bits


class Picture(NamedTuple):
    """A picture as it is meant to be seen, and how its file stores it.

    values: float32 [h, w, 3] in [0, 1]; grey ones have equal channels, transparent ones lie on
        white.
    bits: 16, or 8 for anything coarser.
    is_opaque: whether no pixel is transparent, with or without alpha.
    """

    values: np.ndarray
    bits: int
    is_grey: bool
    has_alpha: bool
    is_opaque: bool


class _Levels(NamedTuple):
    """What a file stores: floats in [0, 1], [h, w, 1 or 3], with alpha [h, w, 1] or None."""

    colours: np.ndarray
    alpha: np.ndarray | None
    bits: int
    orientation: int


def read_image(path: str | Path | BinaryIO, upright: bool = True) -> np.ndarray:
    """The values of `read_picture`: float32 [h, w, 3] in [0, 1]."""
    return read_picture(path, upright).values


def read_picture(path: str | Path | BinaryIO, upright: bool = True) -> Picture:
    """Reads a picture.

    Unsigned levels are divided by the largest that their bits can tell; floats are taken as they
    are. An ICC profile is applied, to 8 bits. Of several frames the first is read.

    Args:
        path: PNG, JPEG, WebP, TIFF, BMP or GIF, whatever its name ends in.
        upright: turned as EXIF's orientation says; otherwise as the pixels are stored, which is
            what a camera's intrinsics are of.

    Raises UserError if there is none, or it is damaged, holds NaN or infinity, or values whose
    white is unknown: signed ones, and floats outside [0, 1].
    """
    with damage_told(path):
        found = _of_tiff(path) if tiffs.is_tiff(path) else None
    colours, alpha, bits, orientation = found or _of_pillow(path)
    is_grey = colours.shape[-1] == 1
    if alpha is not None and not alpha.any():
        logging.log_first_n(
            logging.WARNING,
            "picture %s is transparent everywhere: it is taken as white (others alike are not "
            "told)",
            1,
            path,
        )
    if alpha is not None:
        colours = alpha * colours + (1 - alpha)
    colours = np.broadcast_to(colours, (*colours.shape[:2], 3))
    values = turned(colours, orientation) if upright else colours
    values = np.ascontiguousarray(values, np.float32)
    is_opaque = alpha is None or not (alpha < 1).any()
    return Picture(values, bits, is_grey, alpha is not None, is_opaque)


def stored_size(path: str | Path) -> tuple[int, int]:
    """(rows, columns) of a picture as its pixels are stored. Raises UserError if there is none."""
    with damage_told(path):
        if tiffs.is_tiff(path):
            return tiffs.stored_size(path)
    with opened(path) as image:
        return image.height, image.width


def as_seen(image: "Image.Image") -> np.ndarray:
    """A Pillow picture of 8 bits, on white: float32 [h, w, 3] in [0, 1]."""
    colours, alpha = _eight_bit(image)
    seen = colours if alpha is None else alpha * colours + (1 - alpha)
    return np.broadcast_to(seen, (*seen.shape[:2], 3)).astype(np.float32)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels [h, w, ...] as EXIF's number of their orientation, 1 to 8, wants them seen."""
    if orientation in (5, 6, 7, 8):
        pixels, orientation = pixels.swapaxes(0, 1), orientation - 4
    rows, columns = orientation in (3, 4), orientation in (2, 3)
    return pixels[:: -1 if rows else 1, :: -1 if columns else 1]


def _of_tiff(path):
    pages = tiffs.read_pages(path, most=1)
    if pages is None:
        return None
    page = pages[0]
    tell_oblong(page.resolution, path)
    levels = _unit(page.values, page.bits, path)
    colours, alpha = (levels[..., :-1], levels[..., -1:]) if page.has_alpha else (levels, None)
    if colours.shape[-1] not in (1, 3):
        raise ValueError(f"it has {colours.shape[-1]} channels")
    if alpha is not None and page.premultiplied:
        colours = _divided(colours, alpha)
    colours = 1 - colours if page.inverted else colours
    colours = profiles.to_srgb(colours, page.profile)
    bits = 16 if page.values.dtype.itemsize > 1 else 8
    return _Levels(colours, alpha, bits, page.orientation)


def _divided(colours, alpha):
    """Premultiplied colours as they are without alpha."""
    return np.minimum(colours / np.maximum(alpha, np.finfo(np.float32).tiny), 1)


def _of_pillow(path):
    with opened(path) as image:
        layout, bits = _layout(image), 16
        # Pillow turns TIFFs itself when it decodes them, and forgets the tag.
        orientation = image.getexif().get(_ORIENTATION, 1)
        tell_colours(image, path)
        tell_oblong(shape_of_pixels(image), path)
        if tiffs.UNSPECIFIED in getattr(image, "tag_v2", {}).get(tiffs.EXTRA_SAMPLES, ()):
            tiffs.tell_unspecified(path)
        if layout == _GREY_AND_ALPHA or (layout.startswith("RGB") and layout[-3:] in _OTHER_ORDER):
            colours, alpha = _deep(path, layout)
            if (clear := image.info.get("transparency")) is not None:
                alpha = _unlike(colours, np.array(clear) / 65535)
            colours = profiles.to_srgb(colours, image.info.get("icc_profile"))
        elif image.mode[0] in "IF":
            stored = _deep_grey(image)
            told = 12 if layout == "I;12" else bits
            colours, clear = _unit(stored, told, path), image.info.get("transparency")
            alpha = None if clear is None else _unlike(stored, clear)
        else:
            if "transparency" in image.info and layout in _TOPS:
                # Pillow stretches levels to 255 when it decodes them, but not this one.
                image.info["transparency"] *= 255 // _TOPS[layout]
            (colours, alpha), bits = _eight_bit(image), 8
        levels = _Levels(colours, alpha, bits, orientation)
        return _unturned(levels) if image.format == "TIFF" else levels


def _unlike(colours, clear):
    """Alpha [h, w, 1] that is 0 where all channels are those of the transparent colour."""
    unlike = colours != np.asarray(clear, colours.dtype)
    return unlike.any(-1, keepdims=True).astype(np.float32)


def _deep_grey(image):
    """Levels [h, w, 1] of the type that the file stores."""
    values = np.asarray(image)[..., None]
    if image.mode == "F":
        return values
    signs = getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, ())
    signed = _SIGNED in np.atleast_1d(signs) or values.max(initial=0) > 65535
    return values.astype(np.int32 if signed else np.uint16)


def _unit(values, bits, path):
    """Levels of any type as float32 in [0, 1]."""
    kind = values.dtype.kind
    if kind == "f" and len(bad := np.argwhere(~np.isfinite(values))):
        raise UserError(
            f"picture {path} has {len(bad)} values that are NaN or infinite, the first in row "
            f"{bad[0][0]}, column {bad[0][1]}; replace them"
        )
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if kind == "f" and -_ROUNDING <= low and high <= 1 + _ROUNDING:
        return np.clip(values, 0, 1).astype(np.float32)
    if kind not in "bu" or bits > 16:
        raise UserError(
            f"picture {path} has {values.dtype} values from {low:g} to {high:g}, of which white is "
            "unknown; save it as uint8 or uint16, or as floats from 0 to 1"
        )
    if bits == 16 and 0 < high < _SHALLOW:
        logging.log_first_n(
            logging.WARNING,
            "picture %s has no value above %d of 65535: if its camera has fewer bits, scale it up "
            "(others alike are not told)",
            1,
            *(path, high),
        )
    return values.astype(np.float32) / np.float32(2**bits - 1)


def _eight_bit(image):
    """Colours [h, w, 1 or 3] and alpha [h, w, 1] or None, of one byte a value."""
    profile = image.info.get("icc_profile")
    image = image.convert("LA") if image.mode == "La" else image
    alpha = None
    if image.has_transparency_data:
        alpha = profiles.levels_of(image.convert("RGBA").getchannel("A"))
    if image.mode in ("1", "L", "LA"):
        image = image.convert("L")
    elif image.mode not in ("RGB", "CMYK"):  # profiles of the latter are of four inks
        image = image.convert("RGBA").convert("RGB")
    managed = profiles.image_to_srgb(image, profile)
    return profiles.levels_of(managed.convert("RGB") if managed.mode == "CMYK" else managed), alpha


def _deep(path, layout):
    """Colours and alpha of two bytes a value, by reading the file's pixels twice."""
    # Pillow divides by alpha itself, but bytes, not pairs of them.
    premultiplied, layout = "RGBa" in layout, layout.replace("RGBa", "RGBA")
    if layout == _GREY_AND_ALPHA:  # its four bytes are those of one 8-bit RGBA pixel
        values = _values(_decoded(path, "RGBA"))
    else:
        values = _values(np.stack([_decoded(path, x) for x in (layout, _swapped(layout))], -1))
        values = values[..., 0]
    if values.shape[-1] not in (2, 4):
        return values, None
    colours, alpha = values[..., :-1], values[..., -1:]
    return _divided(colours, alpha) if premultiplied else colours, alpha


def _layout(image):
    """How the file of a picture that is not loaded yet stores pixels, such as "RGB;16B"; or ""."""
    arguments = image.tile[0].args if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _swapped(layout):
    return layout[:-3] + _OTHER_ORDER[layout[-3:]]


def _decoded(path, layout):
    """The pixels uint8 [h, w, c] if the file's layout were this one."""

    def with_layout(arguments):
        return (layout, *arguments[1:]) if isinstance(arguments, tuple) else layout

    with opened(path) as image:
        file: Any = image
        file.tile = [tile._replace(args=with_layout(tile.args)) for tile in file.tile]
        return np.asarray(file)


def _values(pairs):
    """Bytes [..., 2k], high ones first, as float32 [..., k] in [0, 1]."""
    return (np.ascontiguousarray(pairs).view(">u2") / 65535).astype(np.float32)


def _unturned(levels):
    back = 14 - levels.orientation if levels.orientation in (6, 8) else levels.orientation
    alpha = None if levels.alpha is None else turned(levels.alpha, back)
    return levels._replace(colours=turned(levels.colours, back), alpha=alpha)

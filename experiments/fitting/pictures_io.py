"""Picture files with their bit depth: Pillow reduces 16-bit colours to 8 bits, here they are kept.

PNG and TIFF store two bytes per value. Pillow keeps the high one; told that the bytes are in the
other order it keeps the low one, so that two readings give the value.
"""

import struct
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from metainr.signals import read_image

_OTHER_ORDER = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_GREY_AND_ALPHA = "LA;16B"


class Picture(NamedTuple):
    """A picture as it is meant to be seen, and how its file stores it.

    values: float32 [h, w, 3] in [0, 1]; grey ones have equal channels, transparent ones lie on
        white.
    bits: 16, or 8 for anything coarser.
    """

    values: np.ndarray
    bits: int
    is_grey: bool
    has_alpha: bool


def read_picture(path: str | Path) -> Picture:
    """Reads a picture, turned as EXIF says. Raises UserError if there is none, or it is damaged."""
    values = read_image(path)
    with Image.open(path) as image:
        mode, has_alpha, layout = image.mode, image.has_transparency_data, _layout(image)
    if layout == _GREY_AND_ALPHA:  # its four bytes are those of one 8-bit RGBA pixel
        values = _on_white(_values(_decoded(path, "RGBA")))
    elif layout.startswith("RGB") and layout[-3:] in _OTHER_ORDER:
        bytes_ = [_decoded(path, order) for order in (layout, _swapped(layout))]
        values = _on_white(_values(np.stack(bytes_, -1))[..., 0])
    is_grey = mode in _GREY_MODES or mode.startswith("I;16") or layout == _GREY_AND_ALPHA
    is_deep = mode[0] in "IF" or layout[-3:] in _OTHER_ORDER
    return Picture(values, 16 if is_deep else 8, is_grey, has_alpha)


def quantised(values: np.ndarray, bits: int, is_grey: bool) -> np.ndarray:
    """The levels that a file of that depth stores: floats [h, w, 3] -> unsigned [h, w, 1 or 3].

    Values outside [0, 1] are clipped; grey is the mean of the channels.
    """
    if is_grey:
        values = values.mean(axis=-1, keepdims=True, dtype=np.float64)
    levels = np.round(np.clip(values, 0, 1) * (2**bits - 1))
    return levels.astype(np.uint16 if bits == 16 else np.uint8)


def encode_png(levels: np.ndarray) -> bytes:
    """A PNG file of uint8 or uint16 levels [h, w, 1 or 3]; Pillow writes no 16-bit colours."""
    height, width, channels = levels.shape
    big_endian = np.ascontiguousarray(levels, levels.dtype.newbyteorder(">"))
    rows = big_endian.view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))  # filter 2, "Up"
    data = np.insert(rows, 0, 2, axis=1).tobytes()
    colour_type = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8 * levels.itemsize, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _layout(image):
    """How the file of a picture that is not loaded yet stores pixels, such as "RGB;16B"; or ""."""
    arguments = image.tile[0].args if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _with_layout(arguments, layout):
    return (layout, *arguments[1:]) if isinstance(arguments, tuple) else layout


def _swapped(layout):
    return layout[:-3] + _OTHER_ORDER[layout[-3:]]


def _decoded(path, layout):
    """The pixels uint8 [h, w, c] if the file's layout were this one."""
    with Image.open(path) as image:
        image.tile = [tile._replace(args=_with_layout(tile.args, layout)) for tile in image.tile]
        return np.asarray(ImageOps.exif_transpose(image))


def _values(pairs):
    """Bytes [..., 2k], high ones first, as float64 [..., k] in [0, 1]."""
    return np.ascontiguousarray(pairs).view(">u2") / 65535


def _on_white(values):
    """Values [h, w, 1 or 3, and 1 for alpha if there is one] as float32 [h, w, 3]."""
    if values.shape[-1] in (2, 4):
        alpha = values[..., -1:]
        values = alpha * values[..., :-1] + 1 - alpha
    return np.broadcast_to(values, (*values.shape[:2], 3)).astype(np.float32)

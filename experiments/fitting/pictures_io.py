"""Pictures as PNG files, of 8 or 16 bits."""

import struct
import zlib

import numpy as np


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

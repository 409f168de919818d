"""Picture files and arrays, brought to one form and one size."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from metainr.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})


def read_image(path: str | Path | BinaryIO) -> np.ndarray:
    """Reads a picture as it is meant to be seen: float32 [height, width, 3] in [0, 1].

    Grey and palette pictures become three channels, transparent ones lie on white, 8- and 16-bit
    grey values are divided by their largest, and EXIF's orientation is applied. Of several frames
    the first is read. Raises UserError if it is missing, damaged or no picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            return _to_array(ImageOps.exif_transpose(image))
    # Pillow's decoders meet damage with exceptions of many kinds, SyntaxError among them.
    except Exception as error:
        raise UserError(
            f"cannot read picture {path}: {error}; give an undamaged PNG, JPEG, WebP, TIFF or BMP"
        ) from error


def to_square(image: np.ndarray, resolution: int) -> np.ndarray:
    """Scales the short side to `resolution` and crops the centre: [h, w, 3] -> [n, n, 3]."""
    height, width = image.shape[:2]
    side = min(height, width)
    # Whole pixels, so that a picture that needs no scaling is only cut.
    return resize(image, (height - side) // 2, (width - side) // 2, side, resolution)


def resize(image: np.ndarray, top: float, left: float, side: float, resolution: int) -> np.ndarray:
    """Scales a square part of an image: float32 [h, w, c] -> float32 [n, n, c].

    Averages with a triangle that spans two pixels of the result (of the image, if it is enlarged):
    this neither aliases nor leaves the range of the values.

    Args:
        image: values of any range.
        top, left, side: the part, in pixels of the image; they need not be whole.
        resolution: side n of the result in pixels.
    """
    from PIL import Image

    box = (left, top, left + side, top + side)
    channels = [
        Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32)).resize(
            (resolution, resolution), Image.Resampling.BILINEAR, box
        )
        for channel in range(image.shape[-1])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _to_array(image):
    """A Pillow image of any mode as float32 [height, width, 3] in [0, 1]."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = np.asarray(image, np.float32) / (1 if image.mode == "F" else 65535)
        return np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=-1)
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"), np.float32) / 255
    rgba = np.asarray(image.convert("RGBA"), np.float32) / 255
    colour, alpha = rgba[..., :3], rgba[..., 3:]
    return alpha * colour + (1 - alpha)

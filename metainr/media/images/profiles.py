"""Colours of other spaces than sRGB, by the ICC profile that a picture brings."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from metainr.errors import first_line

if TYPE_CHECKING:
    from PIL import Image

_PROBE = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), -1).reshape(18, -1, 3).astype(np.uint8)
_ROUNDING = 2  # levels by which colours differ that are the same


def to_srgb(colours: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Colours [h, w, 1 or 3] in [0, 1] as sRGB, by way of 8 bits if they are not in it already."""
    from PIL import Image

    if not profile:
        return colours
    levels = np.round(255 * colours).astype(np.uint8)
    before = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    after = image_to_srgb(before, profile)
    return colours if after is before else levels_of(after)


def image_to_srgb(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    """The picture in sRGB: RGB, or as it is if that is its profile, or it has none that works."""
    from PIL import Image, ImageCms

    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        core: Any = source.profile
        if image.mode == "L" and core.xcolor_space.strip() == "RGB":
            seen = image.convert("RGB")
        else:
            seen = image
        if seen.mode == "RGB":
            # Profiles that call themselves sRGB may be others, and others may be sRGB.
            probe = Image.fromarray(_PROBE)
            after = ImageCms.profileToProfile(probe, source, target, outputMode="RGB")
            if np.abs(np.asarray(after, int) - _PROBE).max() <= _ROUNDING:
                return image
        return ImageCms.profileToProfile(seen, source, target, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        logging.warning(
            "a picture's colour profile cannot be applied (%s): its colours are taken as sRGB",
            first_line(error),
        )
        return image


def levels_of(image: "Image.Image") -> np.ndarray:
    """What a Pillow picture of one byte a value stores: float32 [h, w, c] in [0, 1]."""
    levels = np.asarray(image).astype(np.float32)
    levels /= 255
    return levels if levels.ndim == 3 else levels[..., None]

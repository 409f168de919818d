"""What files say of lenses: whether they are pinholes, which is all that fields are rendered by."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

_MODELS = {"PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE"}
_BENDING_MODELS = {"SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV"}  # pinholes if all are zero
_MODEL_FIELDS = ("camera_model", "camera_type", "cam_model", "lens_model", "projection")
_FIELDS = re.compile(
    r"([kps]|s[xy]|tau)_?\d*|b[12]|skew|omega|xi|ftheta_\w+|(distortion|radial|tangential)\w*|"
    r"(is_)?(fisheye|latlong|equirectangular|panoram\w+|spherical|ortho\w*)|rolling_shutter\w*"
)


def bent_by(fields: Mapping[str, Any]) -> str:
    """The field that makes a camera other than a pinhole, "" if none does.

    fields: of a camera, by the names of transforms.json or of COLMAP's parameters. Models that
        could distort are pinholes if their parameters are zero; fisheyes never are.
    """
    for name, value in fields.items():
        if name in _MODEL_FIELDS and value is not None:
            if str(value).upper() not in _MODELS | _BENDING_MODELS:
                return name
        elif _FIELDS.fullmatch(name) and not _is_zero(value):
            return name
    return ""


def is_scaled(stated: tuple[float, float], stored: tuple[int, int]) -> bool:
    """Whether a picture may be a scaled one of the size that its intrinsics are of.

    Sizes are (rows, columns); a scaled one is a pixel off at most.
    """
    (rows, columns), (height, width) = stated, stored
    taller, wider = (height + 1) * columns, (width + 1) * rows
    return (height - 1) * columns <= wider and (width - 1) * rows <= taller


def contradiction(stated: tuple[float, float], stored: tuple[int, int]) -> str:
    """What a message says of a picture whose size (rows, columns) is not that of its camera."""
    sizes = f"has {stored[1]}×{stored[0]} pixels as stored, its camera {stated[1]:g}×{stated[0]:g}"
    if not is_scaled((stated[1], stated[0]), stored):
        return f"{sizes}; give the pictures that the camera was estimated from"
    return (
        f"{sizes}: it was turned, as EXIF's orientation asks; turn the stored pixels too (such as "
        "by mogrify -auto-orient), or estimate the camera from those that are stored"
    )


def _is_zero(value):
    if value is None:
        return True
    try:
        return not np.any(np.asarray(value, np.float64))
    except (ValueError, TypeError, OverflowError):
        return False  # a text, or lists in a list

"""What a file of slices holds, and what it says of it."""

from typing import NamedTuple

import numpy as np

Spacing = tuple[float | None, ...]
ROUNDED = "its whole numbers beyond 2^24 are rounded"


class About(NamedTuple):
    """What a file says of its slices.

    unit: of the values, such as "HU"; None: unknown.
    body: what the slices are of; all of one body have the same name. None: not told.
    position: of the first slice along the body's normal, in mm.
    number: of the file among those of the body.
    identity: that no other slices have.
    notes: what was assumed, to be told to the user.
    normal: of the first slice, of length 1. None: not told.
    """

    unit: str | None = None
    body: str | None = None
    position: float | None = None
    number: int | None = None
    identity: str | None = None
    notes: tuple[str, ...] = ()
    normal: tuple[float, ...] | None = None


class Volume(NamedTuple):
    """Slices as a file stores them.

    values: [h, w] of a single slice, [k, h, w] of several; NIfTI's are [x, y(, z)]. Of any type.
    spacing: lengths from value to value along three axes, of which the first is missing in a
        single slice, in one unit; None: unknown.
    """

    values: np.ndarray
    spacing: Spacing = (None, None, None)
    about: About = About()


def known_length(value: object) -> float | None:
    """A length that a file gives, or None if it is none: missing, not positive or no number."""
    try:
        length = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return None
    return length if 0 < length < np.inf else None


def is_rounded(values: np.ndarray) -> bool:
    """Whether whole numbers are too large for float32 to tell them apart."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 4 or not values.size:
        return False
    return max(int(values.max()), -int(values.min())) > 2**24

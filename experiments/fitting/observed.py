"""What a fit may see of a picture: all of it, what a mask shows, or random pixels."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from metainr.errors import UserError
from metainr.media.images.pictures import read_picture

_COLOUR = 0.25  # between channels; a JPEG of grey has less


class Observed(NamedTuple):
    """What a fit aims at: values float32 [h, w, 3] in [0, 1], and seen bool [h, w].

    Values of unseen pixels serve to measure the fit and are never shown to it.
    """

    values: np.ndarray
    seen: np.ndarray


def read_mask(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Reads which pixels of a picture [h, w] are seen: those that are lighter than mid-grey.

    Raises UserError if the mask cannot be read, is transparent or in colour, of another size, or
    shows all or nothing.
    """
    picture = read_picture(path)
    if not picture.is_opaque or np.ptp(picture.values, axis=-1).max() > _COLOUR:
        what = "has colours" if picture.is_opaque else "is transparent in places"
        raise UserError(
            f"--mask={path} {what}, which does not say what is seen; paint seen pixels white and "
            "unseen ones black"
        )
    seen = picture.values.mean(axis=-1) > 0.5
    if seen.shape != shape:
        raise UserError(
            f"--mask={path} has {_size(seen.shape)} pixels and the picture {_size(shape)}; give "
            "one of the picture's size"
        )
    if seen.all() or not seen.any():
        what = "every pixel" if seen.all() else "no pixel"
        raise UserError(
            f"--mask={path} shows {what}; paint seen pixels white and unseen ones black"
        )
    return seen


def random_mask(shape: tuple[int, int], keep: float, seed: int) -> np.ndarray:
    """A random share `keep` in (0, 1) of the pixels [h, w], at least one, at most all but one."""
    size = shape[0] * shape[1]
    count = min(max(1, round(keep * size)), size - 1)
    seen = np.zeros(size, bool)
    seen[np.random.default_rng(seed).permutation(size)[:count]] = True
    return seen.reshape(shape)


def scaled_to(values: np.ndarray, seen: np.ndarray | None, longer_side: int) -> Observed:
    """Resizes a picture [h, w, 3], its aspect kept, and with it what is seen (None: everything).

    A resized pixel is seen if most of what it averages is, and then averages that alone: what is
    unseen reaches no value that a fit is shown. Raises UserError if no pixel is left to see.
    """
    ratio = longer_side / max(values.shape[:2])
    shape = tuple(max(1, round(ratio * side)) for side in values.shape[:2])
    whole = _resized(values, shape)
    if seen is None:
        return Observed(whole, np.ones(shape, bool))
    weights = seen[..., None].astype(np.float32)
    share = _resized(weights, shape)
    kept = share[..., 0] >= 0.5
    if not kept.any():
        raise UserError(
            f"at {_size(shape)} pixels most of what any pixel averages is unseen; give "
            "--mode=tile, which does not resize, or --keep for random pixels of the resized picture"
        )
    average = _resized(weights * values, shape) / np.maximum(share, 0.5)
    return Observed(np.where(kept[..., None], average, whole), kept)


def _resized(image, shape):
    """Averages with a triangle of two pixels of the result, or of the image if it is enlarged."""
    channels = [
        Image.fromarray(np.ascontiguousarray(channel, np.float32)).resize(
            shape[::-1], Image.Resampling.BILINEAR
        )
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _size(shape):
    """Width × height, as programs for pictures say it."""
    return f"{shape[1]} × {shape[0]}"

"""A scene's photos with their cameras, wherever those come from, as a class of signals."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.media.opening import opened
from metainr.media.pictures import read_image, stored_size
from metainr.signals.access import SPLITS, of_files
from metainr.signals.landmarks.options import (
    Camera,
    LandmarkOptions,
    as_views,
    fitted_size,
    scaled_inverse_intrinsics,
)
from metainr.types import SignalClass

_SHOWN = 5
_TOLERANCE = 1e-2  # of RᵀR; poses come from optimisers and pass through float32


def photo_scene(
    folder: Path,
    names: Sequence[str],
    sizes: Sequence[tuple[int, int] | None],
    cameras: Sequence[Camera],
    options: LandmarkOptions,
) -> SignalClass:
    """Photos as Views with v = 1: `num_test` first ones, `num_validation`, and the rest to train.

    A photo keeps its place in that order when others are unreadable: those are left out, with one
    warning. Photos are read when they are asked for, scaled to the resolution, their cameras with
    them, and padded to what the largest of them needs.

    Args:
        folder: of the photos.
        names: of the photos in it, in order.
        sizes: (rows, columns) of each, None for those that cannot be read.
        cameras: one for each.
        options: what to make of them.

    Raises:
        UserError: if a split has no photo.
    """
    splits = _splits(folder, names, sizes, options)
    named = {split: [names[i] for i in part] for split, part in splits.items()}
    small = {i: fitted_size(*size, options.resolution) for i, size in enumerate(sizes) if size}
    rows, columns = (max(sides) for sides in zip(*small.values()))

    def read(split, index):
        which = splits[split][index]
        # As the pixels are stored: that is what cameras belong to.
        image = read_image(folder / named[split][index], upright=False)
        before, after = image.shape[:2], small[which]
        inverse = scaled_inverse_intrinsics(cameras[which].inverse_intrinsics, before, after)
        camera = cameras[which]._replace(inverse_intrinsics=inverse)
        return as_views(_shrunk(image, after), camera, (rows, columns), options)

    return of_files(options, named, read)


def photo_sizes(paths: Sequence[Path]) -> list[tuple[int, int] | None]:
    """(rows, columns) of each photo as it is stored, None for one that cannot be read."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_size, paths))


def check_camera(camera: Camera, photo: str, where: Mapping[str, str]) -> None:
    """Refuses a camera that no photo can have.

    Args:
        camera: to be checked.
        photo: its name, for the message.
        where: the file and field in which each of "pose", "intrinsics" and "bounds" stands.

    Raises:
        UserError: if a number is not finite, the pose no rotation, a matrix singular or of the
            left hand, or near not between 0 and far.
    """
    pose, inverse, (near, far) = camera
    rotation = pose[:, :3]
    problem = _disorder(pose) or _disorder(rotation)
    if not problem and np.abs(rotation.T @ rotation - np.eye(3)).max() > _TOLERANCE:
        problem = "is no rotation: its axes are not orthonormal"
    field = "pose"
    if not problem:
        problem, field = _disorder(inverse), "intrinsics"
    if not problem and not (np.isfinite([near, far]).all() and 0 < near < far):
        problem = f"says near {near:g}, far {far:g}, but 0 < near < far must hold"
        field = "bounds"
    if problem:
        raise UserError(f"{where[field]} of photo {photo} {problem}; repair or remove that photo")


def _disorder(matrix):
    """What is wrong with a matrix, of which the first three columns count for its hand."""
    if not np.isfinite(matrix).all():
        return "holds NaN or infinity"
    if matrix.shape == (3, 3) and np.linalg.matrix_rank(matrix) < 3:
        return "is singular"
    if matrix.shape == (3, 3) and np.linalg.det(matrix) < 0:
        return "is left-handed: it mirrors the photo"
    return ""


def _splits(folder, names, sizes, options):
    """The places of the readable photos by split. Warns of the others."""
    bad = [name for name, size in zip(names, sizes) if size is None]
    shown = ", ".join(bad[:_SHOWN]) + (", …" if len(bad) > _SHOWN else "")
    ends = (options.num_test, options.num_test + options.num_validation)
    places = range(len(names))
    parts = (places[ends[1] :], places[ends[0] : ends[1]], places[: ends[0]])
    splits = {name: [i for i in part if sizes[i] is not None] for name, part in zip(SPLITS, parts)}
    missing = [name for name, part in splits.items() if not part]
    if missing:
        unreadable = f", {len(bad)} of them unreadable ({shown})" if bad else ""
        raise UserError(
            f"{folder} has {len(names)} photos{unreadable}, which leaves none for "
            f"{missing[0]}: {options.num_test} for test, {options.num_validation} for validation "
            f"and at least 1 for train need {ends[1] + 1}; add photos"
        )
    if bad:
        logging.warning("%s: skipped %d unreadable photos: %s", folder, len(bad), shown)
    return splits


def _size(path):
    try:
        with opened(path) as image:
            if image.format == "JPEG":
                image.draft("RGB", (1, 1))  # decodes all of it, but makes few pixels of it
                image.load()
                return stored_size(path)
        return read_image(path, upright=False).shape[:2]
    except UserError:
        return None


def _shrunk(image, size):
    """The image [h, w, 3] scaled to (rows, columns), averaging what a new pixel covers."""
    from PIL import Image

    if image.shape[:2] == size:
        return image
    channels = [
        Image.fromarray(np.ascontiguousarray(channel)).resize(size[::-1], Image.Resampling.BILINEAR)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)

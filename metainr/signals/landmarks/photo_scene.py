"""A scene's photos with their cameras, wherever those come from, as a class of signals."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.files import below
from metainr.media.cameras.poses import pose_and_scale
from metainr.media.images.pictures import read_image, stored_size
from metainr.media.opening import opened
from metainr.signals.access import SPLITS, of_files
from metainr.signals.landmarks.options import (
    NUM_TEST,
    NUM_VALIDATION,
    Camera,
    LandmarkOptions,
    as_views,
    fitted_size,
    scaled_inverse_intrinsics,
)
from metainr.types import SignalClass

_SHOWN = 5
_FARTHEST = 1e4  # from the origin, in far depths: float32 tells a thousandth of them
_LARGEST = 1e9  # of what float32 calculates with


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
        sizes: (rows, columns) of each, None for those that are missing or cannot be read.
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


def photo_sizes(paths: Sequence[Path | None]) -> list[tuple[int, int] | None]:
    """(rows, columns) of each photo as it is stored, None for one that is None or unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_size, paths))


def checked_cameras(
    cameras: Sequence[Camera], photos: Sequence[str], where: Mapping[str, str]
) -> list[Camera]:
    """The cameras with rotations in place of scaled ones, of which one warning tells.

    Args:
        cameras: to be checked; their poses may have the last row (0, 0, 0, 1).
        photos: the name of each one's photo, for messages.
        where: the file and field in which each of "pose", "intrinsics" and "bounds" stands.

    Raises:
        UserError: if a number is not finite, a pose no rotation, a matrix singular or of the left
            hand, near not between 0 and far, or a camera so far away that floats are too coarse.
    """
    checked, scales = [], []
    for camera, photo in zip(cameras, photos):
        pose, scale = _pose(camera.pose, photo, where["pose"])
        checked.append(camera._replace(pose=pose))
        scales.append(scale)
        if problem := _problem(checked[-1]):
            field, text = problem
            raise _refusal(where[field], photo, text)
    if scaled := [scale for scale in scales if scale != 1]:
        logging.warning(
            "%s of %d photos are scaled rotations, the first by %g; taken without the scale",
            where["pose"],
            len(scaled),
            scaled[0],
        )
    return checked


def _pose(pose, photo, where):
    try:
        return pose_and_scale(pose)
    except ValueError as error:
        raise _refusal(where, photo, str(error)) from None


def _problem(camera):
    """A field of a camera and what is wrong with it, None if nothing is; of rotations see above."""
    pose, inverse, (near, far) = camera
    place = np.abs(pose[:, 3]).max()
    if not place <= _LARGEST:
        return "pose", f"has translations up to {place:g}"
    if not np.abs(inverse).max() <= _LARGEST:
        return "intrinsics", "holds NaN, infinity or numbers beyond any camera's"
    if np.linalg.matrix_rank(inverse) < 3:
        return "intrinsics", "is singular"
    if np.linalg.det(inverse) < 0:
        return "intrinsics", "is left-handed: it mirrors the photo"
    if not 0 < near < far <= _LARGEST:
        return "bounds", f"says near {near:g}, far {far:g}, but 0 < near < far must hold"
    if place > _FARTHEST * far:
        return (
            "pose",
            f"is {place:g} from the origin, too far for depths of {far:g}; move it all",
        )
    return None


def _refusal(where, photo, problem):
    return UserError(f"{where} of photo {photo} {problem}; repair or remove that photo")


def _splits(folder, names, sizes, options):
    """The places of the readable photos by split. Warns of the others."""
    why = _unusable(folder, [name for name, size in zip(names, sizes) if size is None])
    num_test, num_validation = _held_out(folder, len(names), options)
    ends = (num_test, num_test + num_validation)
    places = range(len(names))
    parts = (places[ends[1] :], places[ends[0] : ends[1]], places[: ends[0]])
    splits = {name: [i for i in part if sizes[i] is not None] for name, part in zip(SPLITS, parts)}
    missing = [name for name, part in splits.items() if not part]
    if missing:
        raise UserError(
            f"{folder} is to have {len(names)} photos{why and f', {why}'}, which leaves none for "
            f"{missing[0]}: {num_test} for test, {num_validation} for validation "
            f"and at least 1 for train need {ends[1] + 1}; add photos"
        )
    if why:
        logging.warning("%s: skipped photos: %s", folder, why)
    return splits


def _unusable(folder, names):
    """How many photos are missing and how many unreadable, in words; "" of none."""
    missing = [name for name in names if below(folder, name) is None]
    unreadable = [name for name in names if name not in missing]
    return " and ".join(
        f"{len(some)} {how} ({', '.join(some[:_SHOWN])}{', …' if len(some) > _SHOWN else ''})"
        for how, some in (("missing or empty", missing), ("unreadable", unreadable))
        if some
    )


def _held_out(folder, count, options):
    """How many photos are for test and validation; of few, fewer than were published."""
    default, said = (NUM_TEST, NUM_VALIDATION), (options.num_test, options.num_validation)
    if count <= sum(default) and None in said:
        default = ((count + 4) // 5, (count + 9) // 10)
        logging.warning(
            "%s has %d photos, too few for the published split; %d are for test, %d for validation",
            folder,
            count,
            *default,
        )
    return tuple(usual if given is None else given for usual, given in zip(default, said))


def _size(path):
    if path is None:
        return None
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

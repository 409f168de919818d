"""Pictures and cameras from files as `Views`, and the objects of a folder that can be used."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.cameras import Views
from metainr.errors import UserError
from metainr.media.cameras.pinhole import inverse_pinhole
from metainr.media.cameras.poses import depth_looked_at
from metainr.media.cameras.transforms import Frames, check_size, focal_and_centre
from metainr.media.images.pictures import read_image, stored_size
from metainr.media.meshes.area import averaged
from metainr.media.opening import opened
from metainr.signals.objects.options import ObjectOptions


def read_views(frames: Frames, options: ObjectOptions) -> Views:
    """Reads pictures, lays them on white and averages them down: v = the number of frames.

    The longer side becomes `options.resolution`, the shorter one keeps the proportions up to whole
    pixels. Raises UserError if a picture is damaged, or of another size than the first.
    """
    images, (height, width) = _images(frames.paths, options.resolution)
    rows, columns = images[0].shape[:2]
    scale = (width / columns, height / rows)
    inverse = [
        inverse_pinhole(*focal_and_centre(lens, height, width), scale) for lens in frames.lenses
    ]
    views = len(images)
    return Views(
        images=np.stack(images),
        poses=frames.poses.copy(),
        inverse_intrinsics=np.stack(inverse),
        bounds=np.full((views, 2), (options.near, options.far), np.float32),
        windows=np.tile(np.array([0, 0, rows, columns], np.int32), (views, 1)),
    )


class _Found(NamedTuple):
    """What is known of an object: its pictures' size [columns, rows], or why it is not usable."""

    size: tuple[int, int] | None = None
    has_alpha: bool = True
    scale: float = 1.0
    depth: float | None = None
    reason: str = ""


def usable(
    folder: Path,
    names: Sequence[str],
    frames_of: Callable[[str], Frames],
    options: ObjectOptions,
) -> tuple[list[str], str]:
    """Those of a folder's objects that can be used, and why the first other one cannot, or "".

    An object is left out if `frames_of(name)` raises UserError, or if its pictures are not of the
    size that its file says, or that of the first object's. One warning counts those; others tell of
    pictures without alpha, of scaled rotations, and of cameras that look at a place which is not
    between `options.near` and `options.far`.
    """
    # Waiting for a disk is what takes long, and other threads go on meanwhile.
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda name: _found(frames_of, name), names))
    first_size = next((one.size for one in found if one.size), None)
    good, bad = [], []
    for name, one in zip(names, found):
        reason = one.reason
        if one.size and one.size != first_size:
            reason = f"{name} has pictures of {one.size} and others of {first_size} pixels"
        (bad if reason else good).append((name, reason))
    first = bad[0][1] if bad else ""
    if bad and good:
        logging.warning("%s: skipped %d objects; the first: %s", folder, len(bad), first)
    if opaque := sum(not one.has_alpha for one in found):
        logging.warning(
            "%s: %d objects have pictures without alpha, taken as they are; "
            "make their backgrounds white",
            folder,
            opaque,
        )
    if scaled := [one.scale for one in found if one.scale != 1]:
        logging.warning(
            "%s: %d objects have poses that are scaled rotations, the first by %g; taken without "
            "the scale",
            folder,
            len(scaled),
            scaled[0],
        )
    near, far = options.near, options.far
    if outside := [one.depth for one in found if one.depth and not near < one.depth < far]:
        logging.warning(
            "%s: the cameras of %d objects look at a place that is %.3g away (the first's), and "
            "only depths from near %g to far %g are seen; give others, or scale the scene",
            *(folder, len(outside), outside[0], near, far),
        )
    return [name for name, _ in good], first


def _found(frames_of, name):
    try:
        frames = frames_of(name)
        rows, columns = stored_size(frames.paths[0])
        check_size(frames, rows, columns)
        with opened(frames.paths[0]) as image:
            has_alpha = image.has_transparency_data
    except UserError as error:
        return _Found(reason=str(error))
    farthest = int(np.abs(np.log(frames.scales)).argmax())
    scale, depth = float(frames.scales[farthest]), depth_looked_at(frames.poses)
    return _Found((columns, rows), has_alpha, scale, depth)


def _images(paths, resolution) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """The pictures averaged down, and the height and width that they had."""
    images, size = [], ()
    for path in paths:
        image = read_image(path, upright=False)  # what the file's intrinsics are of
        size = size or image.shape[:2]
        if image.shape[:2] != size:
            raise UserError(
                f"{path} has {image.shape[1]}×{image.shape[0]} pixels and {paths[0]} "
                f"{size[1]}×{size[0]}; all pictures of a scene must be of one size"
            )
        shrink = resolution / max(size)
        images.append(averaged(image, *(max(1, round(shrink * side)) for side in size)))
    return images, size

"""A user's own slices, of CT or anything else that is grey, as a class of signals."""

import functools
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import below
from metainr.media.images.resizing import resize
from metainr.media.slices.stacks import Unusable, is_stack, read_slices
from metainr.media.slices.volume import About
from metainr.signals.access import SPLITS, of_files
from metainr.signals.ct.options import SliceOptions
from metainr.signals.own_files import found_files, split_paths, tell_unread
from metainr.types import SignalClass

_PERCENTILES = (1, 99)
_SAMPLED = 4096  # values of a slice that the percentiles look at
_MEMORY = 2**30  # bytes of scaled slices that are kept
_SMALLEST_SIDE = 2
_TURNED = 0.01  # by which the normals of slices differ that have no order along one
_SHOWN = 5


class _Found(NamedTuple):
    path: Path
    about: About
    slices: int
    sample: np.ndarray

    @property
    def body(self):
        """What its slices are of: other than DICOM, files are bodies of their own."""
        return self.about.body or str(self.path)


def slices(options: SliceOptions) -> SignalClass:
    """The slices of all files in `options.folder` and the folders below it, as squares.

    float32 [n, n, 1]: (intensity − low) / (high − low) of the window, clipped to [0, 1], with
    margins of 0 along the longer side, scaled to square pixels. Slices of a body stand in the order
    of their positions, else of their numbers, else of the files' names. Splits are 80/10/10 % of a
    shuffle that depends on the seed and the paths; files (DICOM: series) are never divided, unless
    there are fewer than 3: then each split is a run of neighbouring slices. Files are read when
    they are asked for, and those asked for last are kept; damaged ones, and slices that another
    file has, are found at construction and left out, with one warning. Others say what was assumed
    of files, and that their values have several units.

    Raises UserError if the folder, the window or the axis is wrong, if a value is not finite, a
    library is missing, or fewer than 3 slices are found.
    """
    found = _survey(options)
    low, high = _window(options, found)
    splits = _splits(found, options.seed)
    largest = 4 * options.resolution**2 * max(one.slices for one in found)

    # Unpacking a volume takes seconds: all its slices are scaled at once.
    @functools.lru_cache(max(1, _MEMORY // max(1, largest)))
    def squares(path):
        found = read_slices(path, options.axis)
        stack = np.clip((found.values - low) / (high - low), 0, 1)
        return [_square(image, found.spacing, options.resolution) for image in stack]

    def read(split, index):
        path, number = splits[split][index]
        return squares(path)[number].copy()

    return of_files(options, _names(found, splits, options.folder), read)


def slice_window(options: SliceOptions) -> tuple[float, float]:
    """The intensities (low, high) that become 0 and 1: those given, else percentiles of the files.

    Record it and give it back as `options.window`: then a folder that has changed, or another one,
    is seen alike. Raises UserError as `slices` does.
    """
    return _window(options, () if options.window else _survey(options))


def _survey(options):
    """All good files in the order of their slices; warns of the others, and of what is assumed."""
    paths = _paths(options)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: _look(path, options.axis), paths))
    good = _in_order([result for result in results if isinstance(result, _Found)])
    good, again = _once(good)
    bad = [(path, why) for path, why in zip(paths, results) if isinstance(why, str)] + again
    shown = _shown([path for path, _ in bad])
    why = f"{len(bad)} unreadable, tiny or repeated files: {shown}" if bad else ""
    why += f" (the first: {bad[0][1]})" if bad else ""
    total = sum(found.slices for found in good)
    if total < len(SPLITS):
        raise UserError(
            f"slice folder {options.folder} has {total} good slices{why and ' and '}{why}; "
            "training, validation and test need at least one each: add slices"
        )
    if bad:
        logging.warning("%s: skipped %s", options.folder, why)
    _tell(options.folder, good)
    return good


def _tell(folder, found):
    notes, units = {}, {}
    for one in found:
        units.setdefault(one.about.unit or "an unknown unit", one.path.name)
        for note in one.about.notes:
            notes.setdefault(note, []).append(one.path)
    for note, paths in notes.items():
        logging.warning("%s: of %d files, %s: %s", folder, len(paths), _shown(paths), note)
    if len(units) > 1:
        logging.warning(
            "%s: values are in %s; one window is too few for them: keep them in several folders",
            folder,
            " and ".join(f"{unit} ({name})" for unit, name in units.items()),
        )


def _shown(paths):
    return ", ".join(path.name for path in paths[:_SHOWN]) + (", …" if len(paths) > _SHOWN else "")


def _paths(options):
    if options.axis not in (None, 0, 1, 2):
        raise UserError(f"slice axis {options.axis} does not exist; choose 0, 1 or 2")
    if not options.folder:
        raise UserError("signal class 'slices' needs a folder of slices; give ", Option("slices"))
    root = expanded(options.folder)
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise UserError(f"slice folder {root} {state}; give ", Option("slices"), " a folder")
    paths = found_files(root, lambda path: is_stack(path) and not path.is_dir())
    if not paths:
        raise UserError(
            f"slice folder {root} has no slices among its {len(below(root, Path.is_file))} files; "
            "put PNG, JPEG, TIFF, NPY, DICOM or NIfTI (.nii) files there"
        )
    _tell_unknown(root, paths)
    tell_unread(root, "slices")
    return sorted(paths, key=_natural)


def _tell_unknown(root, paths):
    """Warns of files without an ending beside DICOM ones: they may be such without a preamble."""
    if all(path.suffix for path in paths):
        return
    bare = [path for path in below(root, Path.is_file) if not path.suffix]
    unknown = [path for path in bare if path.name.upper() != "DICOMDIR" and not is_stack(path)]
    if unknown:
        logging.warning(
            "%s: left out %d files that have no ending and do not begin as slices do: %s",
            *(root, len(unknown), _shown(unknown)),
        )


def _natural(path):
    """A key that sorts numbers in names by what they count."""
    parts = re.split("([0-9]+)", path.as_posix())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.as_posix()


def _look(path, axis):
    """What a file holds, or in words why nothing can be done with it."""
    try:
        stack, _, about = read_slices(path, axis)
    except Unusable:
        raise
    except UserError as error:
        return str(error)
    if min(stack.shape[1:]) < _SMALLEST_SIDE:
        return f"{path} has sides {stack.shape[1]} and {stack.shape[2]}"
    pixels = stack.reshape(len(stack), -1)
    sample = pixels[:, :: -(-pixels.shape[1] // _SAMPLED)]
    # A copy, or the sample would keep the whole stack in memory.
    return _Found(path, about, len(stack), sample.flatten())


def _in_order(found):
    """Files by their bodies, and in these by what all of a body's files tell: position or number.

    found: in the order of their names, which is kept where they tell neither.
    """
    bodies = {}
    for one in found:
        bodies.setdefault(one.body, []).append(one)
    for files in bodies.values():
        for of in ("number", "position"):
            places = {one.path: getattr(one.about, of) for one in files}
            if None not in places.values() and (of == "number" or _are_parallel(files)):
                files.sort(key=lambda one: places[one.path])
    return [one for files in bodies.values() for one in files]


def _are_parallel(files):
    """Whether slices that tell positions lie along one normal, unlike those that turn."""
    normals = np.array([one.about.normal for one in files])
    return np.abs(normals - normals[0]).max() <= _TURNED


def _once(found):
    """Files with slices of their own, and (path, why not) of the others."""
    firsts, again = {}, []
    for one in found:
        first = firsts.setdefault(one.about.identity or one.path, one)
        if first is not one:
            again.append((one.path, f"{one.path} is the same slice as {first.path}"))
    return list(firsts.values()), again


def _window(options, found):
    if options.window:
        low, high = (float(bound) for bound in options.window)
        if not (np.isfinite([low, high]).all() and low < high):
            raise UserError(f"window {low:g}, {high:g} is no range; give low < high")
        return low, high
    values = np.concatenate([one.sample for one in found])
    low, high = (float(bound) for bound in np.percentile(values, _PERCENTILES))
    if low == high:  # masks and the like, that are nearly one value
        low, high = float(values.min()), float(values.max())
    if low == high:
        raise UserError(
            f"all slices in {options.folder} are {low:g} everywhere; give ", Option("window")
        )
    return low, high


def _splits(found, seed):
    """Splits as lists of (path, number of the slice)."""
    bodies = {}
    for one in found:
        bodies.setdefault(one.body, []).extend((one.path, i) for i in range(one.slices))
    if len(bodies) >= len(SPLITS):
        parts = split_paths(list(bodies), seed)
        return {
            name: [item for body in part for item in bodies[body]] for name, part in parts.items()
        }
    items = [item for body in bodies.values() for item in body]
    held_out = max(1, len(items) // 10)
    bounds = (0, len(items) - 2 * held_out, len(items) - held_out, len(items))
    return {name: items[a:b] for name, a, b in zip(SPLITS, bounds, bounds[1:])}


def _names(found, splits, folder):
    """What the slices are called: their file, with the number of the slice if it holds several."""
    root = expanded(folder)
    several = {one.path for one in found if one.slices > 1}

    def name(path, number):
        file = path.relative_to(root).as_posix()
        return f"{file}, slice {number}" if path in several else file

    return {split: [name(*item) for item in items] for split, items in splits.items()}


def _square(image, spacing, resolution):
    lengths = np.multiply(image.shape, spacing)
    # In pixels of the image, which may be higher than they are wide.
    height, width = np.round(lengths.max() / np.array(spacing), 6)
    rows, columns = (max(n, math.ceil(side)) for n, side in zip(image.shape, (height, width)))
    square = np.zeros((rows, columns, 1), np.float32)
    top, left = (rows - image.shape[0]) // 2, (columns - image.shape[1]) // 2
    square[top : top + image.shape[0], left : left + image.shape[1], 0] = image
    return resize(square, 0, 0, height, resolution, width)

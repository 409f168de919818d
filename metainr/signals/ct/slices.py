"""A user's own slices, of CT or anything else that is grey, as a class of signals."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.errors import Option, UserError
from metainr.media.folders import below
from metainr.media.pictures import resize
from metainr.media.stacks import Unusable, is_stack, read_stack, series
from metainr.signals.access import SPLITS, of_files
from metainr.signals.ct.options import SliceOptions
from metainr.signals.own_files import found_files, split_paths
from metainr.types import SignalClass

_PERCENTILES = (1, 99)
_SAMPLED = 4096  # values of a slice that the percentiles look at
_MEMORY = 2**30  # bytes of scaled slices that are kept
_SMALLEST_SIDE = 2
_SHOWN = 5


class _Found(NamedTuple):
    path: Path
    body: str  # what its slices are of
    slices: int
    sample: np.ndarray


def slices(options: SliceOptions) -> SignalClass:
    """The slices of all files in `options.folder` and the folders below it, as squares.

    float32 [n, n, 1]: (intensity − low) / (high − low) of the window, clipped to [0, 1], with
    margins of 0 along the longer side, scaled. Splits are 80/10/10 % of a shuffle that depends on
    the seed and the paths; files (DICOM: series) are never divided, unless there are fewer than
    3: then each split is a run of neighbouring slices. Files are read when they are asked for, and
    those asked for last are kept; damaged ones are found at construction and left out, with one
    warning.

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
        stack = np.clip((read_stack(path, options.axis) - low) / (high - low), 0, 1)
        return [_square(image, options.resolution) for image in stack]

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
    """All good files; warns once of the others."""
    paths = _paths(options)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: _look(path, options.axis), paths))
    good = [result for result in results if isinstance(result, _Found)]
    bad = [(path.name, why) for path, why in zip(paths, results) if isinstance(why, str)]
    shown = ", ".join(name for name, _ in bad[:_SHOWN]) + (", …" if len(bad) > _SHOWN else "")
    why = f"{len(bad)} unreadable or tiny files: {shown} (the first: {bad[0][1]})" if bad else ""
    total = sum(found.slices for found in good)
    if total < len(SPLITS):
        raise UserError(
            f"slice folder {options.folder} has {total} good slices{why and ' and '}{why}; "
            "training, validation and test need at least one each: add slices"
        )
    if bad:
        logging.warning("%s: skipped %s", options.folder, why)
    return good


def _paths(options):
    if options.axis not in (None, 0, 1, 2):
        raise UserError(f"slice axis {options.axis} does not exist; choose 0, 1 or 2")
    if not options.folder:
        raise UserError("signal class 'slices' needs a folder of slices; give ", Option("slices"))
    root = Path(options.folder).expanduser()
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise UserError(f"slice folder {root} {state}; give ", Option("slices"), " a folder")
    paths = found_files(root, lambda path: is_stack(path) and not path.is_dir())
    if not paths:
        raise UserError(
            f"slice folder {root} has no slices among its {len(below(root, Path.is_file))} files; "
            "put PNG, JPEG, TIFF, NPY, DICOM (.dcm) or NIfTI (.nii) files there"
        )
    return paths


def _look(path, axis):
    """What a file holds, or in words why nothing can be done with it."""
    try:
        stack = read_stack(path, axis)
        if min(stack.shape[1:]) < _SMALLEST_SIDE:
            return f"{path} has sides {stack.shape[1]} and {stack.shape[2]}"
        pixels = stack.reshape(len(stack), -1)
        sample = pixels[:, :: -(-pixels.shape[1] // _SAMPLED)]
        # A copy, or the sample would keep the whole stack in memory.
        return _Found(path, series(path), len(stack), sample.flatten())
    except Unusable:
        raise
    except UserError as error:
        return str(error)


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
    root = Path(folder).expanduser()
    several = {one.path for one in found if one.slices > 1}

    def name(path, number):
        file = path.relative_to(root).as_posix()
        return f"{file}, slice {number}" if path in several else file

    return {split: [name(*item) for item in items] for split, items in splits.items()}


def _square(image, resolution):
    height, width = image.shape
    side = max(height, width)
    square = np.zeros((side, side, 1), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width, 0] = image
    return resize(square, 0, 0, side, resolution)

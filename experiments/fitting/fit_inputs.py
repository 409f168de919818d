"""What `experiments.fit` reads: pictures with what may be seen of them, alone or in a folder."""

import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.config import RunOptions
from experiments.fitting.fit_options import FitOptions
from experiments.fitting.observed import Observed, random_mask, read_mask, scaled_to
from experiments.fitting.tiles import Tiling
from metainr.errors import UserError
from metainr.media.images.pictures import Picture, read_picture
from metainr.signals.images import picture_paths
from metainr.weights.naming import shown

_SHOWN = 5


class Target(NamedTuple):
    """A picture to fit.

    name: its path below the folder that --input names; None for the one picture of --input.
    source: as its file has it; where it is resized, with the resized values.
    observed: what the fit aims at, and what it sees of it.
    tiling: how that is cut.
    """

    name: str | None
    source: Picture
    observed: Observed
    tiling: Tiling

    @property
    def num_tiles(self) -> int:
        """How many fields it takes from one init."""
        return self.tiling.rows * self.tiling.columns

    @property
    def number(self) -> int:
        """In [0, 2^32): tells the random draws of pictures apart."""
        return 0 if self.name is None else _number(self.name)


def open_picture(options: FitOptions, run: RunOptions) -> Target:
    """Reads the one picture of --input. Raises UserError if it cannot be fitted."""
    return _target(None, Path(options.input), options.mask, run.seed, options, run.resolution)


def open_in_folder(name: str, options: FitOptions, run: RunOptions) -> Target:
    """Reads a picture of the folder --input. Raises UserError if it cannot be fitted."""
    mask = None if options.mask is None else _mask_path(name, options.mask)
    path, seed = Path(options.input) / name, [run.seed, _number(name)]
    target = _target(name, path, mask, seed, options, run.resolution)
    # Many of them wait for their turn, and the values at full size are no longer needed.
    return target._replace(source=target.source._replace(values=target.observed.values))


def names_in_folder(options: FitOptions) -> list[str]:
    """The pictures in the folder --input and below it, sorted.

    Raises UserError if there are none, or --mask is not a folder with a mask for each.
    """
    names = picture_paths(Path(options.input))
    if options.mask is None:
        return names
    if not Path(options.mask).is_dir():
        raise UserError(
            f"--input={options.input} is a folder and --mask={options.mask} is not; give a folder "
            "of masks with the names of the pictures"
        )
    missing = [name for name in names if _mask_path(name, options.mask) is None]
    if missing:
        raise UserError(
            f"--mask={options.mask} has no mask for {len(missing)} of {len(names)} pictures: "
            f"{listed(missing)}; a mask has the name of its picture, or that with .png"
        )
    return names


def listed(names: list[str]) -> str:
    """The first few of some names, as messages show them."""
    return ", ".join(map(shown, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def _target(name, path, mask, seed, options, side):
    source = read_picture(path)
    if source.values[..., 0].size == 1:
        flag = "--input=" if name is None else ""
        raise UserError(f"{flag}{shown(path)} has a single pixel; give a larger picture")
    observed = _observed(source, mask, seed, options, side)
    height, width = observed.seen.shape
    return Target(name, source, observed, Tiling(height, width, side))


def _observed(source, mask, seed, options, side):
    shape = source.values.shape[:2]
    seen = None if mask is None else read_mask(mask, shape)
    if options.mode == "resize":
        observed = scaled_to(source.values, seen, side)
    else:
        observed = Observed(source.values, np.ones(shape, bool) if seen is None else seen)
    if options.keep is None or options.keep == 1:
        return observed
    return observed._replace(seen=random_mask(observed.seen.shape, options.keep, seed))


def _mask_path(name, folder):
    """The mask of a picture: a file of its name or, as masks of JPEGs are PNGs, of its stem."""
    same = Path(folder) / name
    return next((path for path in (same, same.with_suffix(".png")) if path.is_file()), None)


def _number(name):
    return zlib.crc32(os.fsencode(name))

"""Measured projections from files, brought to the units and positions that the projector has."""

from typing import NamedTuple

import numpy as np
from absl import logging

from experiments.ct import beams
from experiments.ct.sinogram_files import load_sinogram
from experiments.ct.sinogram_options import SinogramOptions
from experiments.ct.view_angles import check_radians, parse_angles
from metainr.checks import checked
from metainr.errors import UserError
from metainr.files import expanded
from metainr.measurements import Detectors, Rays
from metainr.objectives import Sinogram

_FEW = 3  # views; a detector may happen to measure the angles of fewer
_CUT = 0.1  # of the largest value, that rays beside the object do not read
_SOME = 0.01  # of them, which noise may have read more


class Measured(NamedTuple):
    """Sinograms [v, d] of means along rays, float32, one of each slice, and the rays of a view.

    side: of the square, in the scan's unit of length.
    white: the attenuation per that length that the value 1 stands for.
    """

    sinograms: tuple[Sinogram, ...]
    detectors: Detectors
    side: float
    white: float


def read_sinogram(options: SinogramOptions) -> Measured:
    """Reads measured projections; every view has weight 1.

        value = line integral / (side · white),    line integral = −log(count / blank)

    A warning says so if the detectors do not see the whole object. Raises UserError for a file that
    is missing, damaged or of another shape, angles of which nobody knows the unit, rays that cannot
    be, values that are not finite, counts that are not positive, and values that no image in [0, 1]
    can have.
    """
    options = checked(options)
    path = expanded(options.sinogram or "")
    values, stored = load_sinogram(path)
    angles = _angles(options.angles, stored, path)
    values = _stack(values, angles, path)
    _tell_angles(values, angles, path)
    if options.blank is not None:
        values = _line_integrals(values, options.blank, path)
    num = values.shape[-1]
    if abs(options.offset) >= num / 2:
        raise UserError(
            f"offset {options.offset:g} puts the centre of rotation beyond the {num} detectors; "
            "give --offset in detectors from their middle"
        )
    detectors, side = beams.measured(options, num)
    means = values / (side * options.white)
    if means.max() > 1:
        otherwise = ", or --blank if these are raw counts" if options.blank is None else ""
        raise UserError(
            f"sinogram {path} means up to {means.max():.4g} times white along a ray, and at most 1 "
            f"is possible; give --white of at least {options.white * means.max():.4g}{otherwise}"
        )
    _tell_cut(means, path)
    _tell_beside(means, angles, detectors, side, path)
    angles, means = angles.astype(np.float32), means.astype(np.float32)
    sinograms = tuple(Sinogram(angles, one, np.ones_like(angles)) for one in means)
    return Measured(sinograms, detectors, side, options.white)


def description(measured: Measured, geometry: str) -> str:
    """How measured projections were understood, in a line."""
    num, (angles, values, _) = len(measured.sinograms), measured.sinograms[0]
    first, last = np.rad2deg([angles.min(), angles.max()])
    slices = f"{num} slices, each of " if num > 1 else ""
    return (
        f"{slices}{len(angles)} views by {values.shape[1]} detectors, {geometry} rays, angles from "
        f"{first:.4g} to {last:.4g} degrees, of a square of side {measured.side:.4g}"
    )


def _angles(text, stored, path):
    if text is None and stored is None:
        raise UserError(f"sinogram {path} comes without angles; give --angles")
    if text is None:
        check_radians(stored, f"{path}:")
    angles = stored if text is None else parse_angles(text)
    if not (len(angles) and np.isfinite(angles).all()):
        raise UserError("angles are missing or not finite; give --angles one number per view")
    return angles


def _stack(values, angles, path):
    """Values [slices, views, detectors] of a slice or a stack of them."""
    stack = values[None] if values.ndim == 2 else values
    if stack.ndim != 3 or not len(stack) or stack.shape[-1] < 2:
        raise UserError(
            f"sinogram {path} has shape {values.shape}; give [views, detectors], 2 or more of "
            "these, or [slices, views, detectors]"
        )
    if stack.shape[1] != len(angles):
        remedy = "give one angle per view"
        if stack.shape[-1] == len(angles):
            remedy = "its last axis seems to be the views: give [views, detectors]"
        elif len(stack) == len(angles):
            remedy = "its first axis seems to be the views: give [slices, views, detectors]"
        raise UserError(
            f"sinogram {path} has {stack.shape[1]} views but there are {len(angles)} angles; "
            f"{remedy}"
        )
    bad = np.argwhere(~np.isfinite(stack))
    if len(bad):
        raise UserError(
            f"sinogram {path} is {stack[tuple(bad[0])]} at {_place(stack, bad[0])} "
            f"({len(bad)} such values); replace them"
        )
    return stack


def _place(stack, index):
    """Where a value stands, in words."""
    slice_ = f"slice {index[0]}, " if len(stack) > 1 else ""
    return f"{slice_}view {index[1]}, detector {index[2]}"


def _tell_angles(stack, angles, path):
    """Warns of a first column that repeats the angles, as exported tables may have one."""
    for unit in (angles, np.rad2deg(angles)):
        if len(unit) >= _FEW and np.ptp(unit) and np.allclose(stack[0, :, 0], unit, 1e-3, 1e-3):
            logging.warning(
                "sinogram %s: its first column holds the angles, and is read as a detector; remove "
                "it",
                path,
            )
            return


def _tell_cut(means, path):
    """Warns if rays at the ends of the row go through the object."""
    ends = np.median(means[..., [0, -1]], axis=(0, 1)).max()
    if ends > _CUT * means.max():
        logging.warning(
            "sinogram %s: the detectors at one end of the row read %.0f %% of the largest value: "
            "what lies beyond them is seen in part, or, if these are raw counts, give --blank",
            *(path, 100 * ends / means.max()),
        )


def _tell_beside(means, angles, detectors, side, path):
    """Warns if rays that miss the square, by a detector or more, go through the object."""
    places, turns = detectors if isinstance(detectors, Rays) else (detectors, 0.0)
    ways = angles[:, None] + turns
    reach = (np.abs(np.cos(ways)) + np.abs(np.sin(ways))) / 2 + np.abs(np.diff(places)).max()
    beside = means[:, np.abs(places) > reach]
    if beside.size and (beside > _CUT * means.max()).mean() > _SOME:
        logging.warning(
            "sinogram %s: rays that pass beside the square of side %.4g read up to %.0f %% of the "
            "largest value: the object is larger; give --side its width, in the unit of --spacing",
            *(path, side, 100 * beside.max() / means.max()),
        )


def _line_integrals(counts, blank, path):
    bad = np.argwhere(counts <= 0)
    if len(bad):
        raise UserError(
            f"sinogram {path} counts {counts[tuple(bad[0])]:g} at {_place(counts, bad[0])} "
            f"({len(bad)} such values); counts are positive: replace them, "
            "or leave --blank out if these are line integrals"
        )
    if np.median(counts) > blank:
        raise UserError(
            f"sinogram {path} counts {np.median(counts):g} in the middle, more than --blank="
            f"{blank:g} without the object; give --blank the counts of the empty scanner"
        )
    return -np.log(counts / blank)

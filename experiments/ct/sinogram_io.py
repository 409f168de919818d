"""Measured projections from files, brought to the units and positions that the projector has."""

import os
from typing import NamedTuple

import numpy as np
from absl import logging

from experiments.ct.sinogram_files import load_angles, load_sinogram
from metainr.errors import UserError
from metainr.files import expanded
from metainr.objectives import Sinogram

_DEGREES = "deg"
_FEW = 3  # views; a detector may happen to measure the angles of fewer
_OF_FILE = ":deg"  # ends the name of a file of degrees


class SinogramOptions(NamedTuple):
    """Where measured projections lie, and how they were taken.

    path: NPY, NPZ, CSV, TIFF or PNG file of [views, detectors]; an NPZ holds `sinogram`, or only
        one array, and maybe `angles`.
    angles: of the views, in radians: "0,0.5,1", "START:STOP:COUNT" without STOP itself, or a file
        (NPY, text of numbers, or an NPZ with `angles`); with "deg" at the end ("FILE:deg"), in
        degrees. None: those of the NPZ, in radians.
    spacing: of the detectors, in the unit of length of the line integrals (1: integrals are sums
        over as many detectors).
    side: of the square that is reconstructed, in the same unit; None: as wide as all detectors.
    offset: of the centre of rotation from the middle of the detectors, in detectors.
    blank: what a detector counts without the object, if the values are counts; None: the values
        are line integrals.
    white: the attenuation per length that becomes the value 1.
    geometry: "parallel"; nothing else is read.
    """

    path: str
    angles: str | None = None
    spacing: float = 1.0
    side: float | None = None
    offset: float = 0.0
    blank: float | None = None
    white: float = 1.0
    geometry: str = "parallel"


class Measured(NamedTuple):
    """A sinogram [v, d] of means along rays, float32, and its detectors [d] in sides.

    side: of the square, in the scan's unit of length.
    white: the attenuation per that length that the value 1 stands for.
    """

    sinogram: Sinogram
    detectors: np.ndarray
    side: float
    white: float


def read_sinogram(options: SinogramOptions) -> Measured:
    """Reads measured projections; every view has weight 1.

        value = line integral / (side · white),    line integral = −log(count / blank)

    A warning says so if angles look like degrees. Raises UserError for a file that is missing,
    damaged or of another shape, another geometry than parallel beams, values that are not finite,
    counts that are not positive, and values that no image in [0, 1] can have.
    """
    _check(options)
    path = expanded(options.path)
    values, stored = load_sinogram(path)
    angles = _angles(options.angles, stored, path)
    _check_values(values, angles, path)
    _tell_angles(values, angles, path)
    if options.blank is not None:
        values = _line_integrals(values, options.blank, path)
    num = values.shape[1]
    side = num * options.spacing if options.side is None else options.side
    means = values / (side * options.white)
    if means.max() > 1:
        otherwise = ", or --blank if these are raw counts" if options.blank is None else ""
        raise UserError(
            f"sinogram {path} means up to {means.max():.4g} times white along a ray, and at most 1 "
            f"is possible; give --white of at least {options.white * means.max():.4g}{otherwise}"
        )
    if abs(options.offset) >= num / 2:
        raise UserError(
            f"offset {options.offset:g} puts the centre of rotation beyond the {num} detectors; "
            "give --offset in detectors from their middle"
        )
    places = (np.arange(num) - (num - 1) / 2 - options.offset) * options.spacing / side
    angles, means, places = (x.astype(np.float32) for x in (angles, means, places))
    sinogram = Sinogram(angles, means, np.ones_like(angles))
    return Measured(sinogram, places, side, options.white)


def parse_angles(text: str) -> np.ndarray:
    """Angles float64 [v] in radians, from what `SinogramOptions.angles` says in words.

    Raises UserError if it is neither a file nor numbers.
    """
    if _is_file(text):
        return load_angles(expanded(text))
    if _is_file(text.removesuffix(_OF_FILE)):
        return np.deg2rad(load_angles(expanded(text.removesuffix(_OF_FILE))))
    in_degrees = text.endswith(_DEGREES)
    body = text.removesuffix(_DEGREES)
    try:
        if ":" in body:
            start, stop, count = body.split(":")
            angles = np.linspace(float(start), float(stop), int(count), endpoint=False)
        else:
            angles = np.array([float(part) for part in body.split(",")])
    except ValueError as error:
        raise UserError(
            f"angles {text!r} are neither a file nor numbers; give 0,0.5,1 or 0:180:60deg "
            "(start, stop, count), or FILE, or FILE:deg if it holds degrees"
        ) from error
    return np.deg2rad(angles) if in_degrees else angles


def _is_file(text):
    # A pipe, too, which is refused where it would be read. Unlike pathlib's, these take any text.
    path = os.path.expanduser(text)
    return os.path.exists(path) and not os.path.isdir(path)


def _check(options):
    if options.geometry != "parallel":
        raise UserError(
            f"geometry {options.geometry!r} is not supported; rebin the views to parallel beams "
            "and give --geometry=parallel"
        )
    for name in ("spacing", "side", "blank", "white"):
        value = getattr(options, name)
        if value is not None and not 0 < value < np.inf:
            raise UserError(f"{name} {value:g} is not positive; give --{name} a number above 0")
    if not np.isfinite(options.offset):
        raise UserError(f"offset {options.offset} is no number; give --offset in detectors")


def _angles(text, stored, path):
    if text is None and stored is None:
        raise UserError(f"sinogram {path} comes without angles; give --angles")
    angles = stored if text is None else parse_angles(text)
    if not (len(angles) and np.isfinite(angles).all()):
        raise UserError("angles are missing or not finite; give --angles one number per view")
    if np.abs(angles).max() > 2 * np.pi + 1e-3:
        remedy = f"{path if text is None else text}{_OF_FILE}"
        logging.warning(
            "angles up to %g look like degrees but are read as radians; if they are degrees, give "
            "--angles=%s",
            np.abs(angles).max(),
            remedy if text is None or _is_file(text) else f"{text}{_DEGREES}",
        )
    return angles


def _check_values(values, angles, path):
    if values.ndim != 2 or values.shape[1] < 2:
        raise UserError(
            f"sinogram {path} has shape {values.shape}; give [views, detectors], 2 or more of these"
        )
    if len(values) != len(angles):
        remedy = "give one angle per row"
        if values.shape[1] == len(angles):
            remedy = "its columns seem to be the views: give it transposed"
        raise UserError(
            f"sinogram {path} has {len(values)} views but there are {len(angles)} angles; {remedy}"
        )
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise UserError(
            f"sinogram {path} is {values[tuple(bad[0])]} at view {bad[0][0]}, detector {bad[0][1]} "
            f"({len(bad)} such values); replace them"
        )


def _tell_angles(values, angles, path):
    """Warns of a first column that repeats the angles, as exported tables may have one."""
    for unit in (angles, np.rad2deg(angles)):
        if len(unit) >= _FEW and np.ptp(unit) and np.allclose(values[:, 0], unit, 1e-3, 1e-3):
            logging.warning(
                "sinogram %s: its first column holds the angles, and is read as a detector; remove "
                "it",
                path,
            )
            return


def _line_integrals(counts, blank, path):
    bad = np.argwhere(counts <= 0)
    if len(bad):
        raise UserError(
            f"sinogram {path} counts {counts[tuple(bad[0])]:g} at view {bad[0][0]}, detector "
            f"{bad[0][1]} ({len(bad)} such values); counts are positive: replace them, "
            "or leave --blank out if these are line integrals"
        )
    if np.median(counts) > blank:
        raise UserError(
            f"sinogram {path} counts {np.median(counts):g} in the middle, more than --blank="
            f"{blank:g} without the object; give --blank the counts of the empty scanner"
        )
    return -np.log(counts / blank)

"""The angles of measured views, whose unit is never guessed."""

import os

import numpy as np

from experiments.ct.sinogram_files import load_angles
from metainr.errors import UserError
from metainr.files import expanded

_UNITS = ("deg", "rad")
_TURN = 2 * np.pi + 1e-3


def parse_angles(text: str) -> np.ndarray:
    """Angles float64 [v] in radians, from what `SinogramOptions.angles` says in words.

    Raises UserError if it is neither a file nor numbers, and for more than a turn of no unit.
    """
    body, unit = _parted(text)
    is_file = _is_file(body)
    angles = load_angles(expanded(body)) if is_file else _numbers(body, text)
    if unit is None:
        check_radians(angles, f"{text}{':' if is_file else ''}")
    return np.deg2rad(angles) if unit == "deg" else angles


def check_radians(angles: np.ndarray, given: str) -> None:
    """Raises UserError if angles of no unit are more than a turn, as degrees are.

    `given`: what with "deg" or "rad" at its end says the unit.
    """
    if angles.size and np.abs(angles).max() > _TURN:
        raise UserError(
            f"angles up to {np.abs(angles).max():g} look like degrees, and without a unit angles "
            f"are radians; give --angles={given}deg or, if they are radians, --angles={given}rad"
        )


def _parted(text):
    """(file or numbers, unit or None)."""
    if _is_file(text):
        return text, None
    for unit in _UNITS:
        if _is_file(text.removesuffix(f":{unit}")):
            return text.removesuffix(f":{unit}"), unit
        if text.endswith(unit):
            return text.removesuffix(unit), unit
    return text, None


def _numbers(body, text):
    try:
        if ":" in body:
            start, stop, count = body.split(":")
            return np.linspace(float(start), float(stop), int(count), endpoint=False)
        return np.array([float(part) for part in body.split(",")])
    except ValueError as error:
        raise UserError(
            f"angles {text!r} are neither a file nor numbers; give 0,0.5,1 or 0:180:60deg "
            "(start, stop, count), or FILE, or FILE:deg if it holds degrees"
        ) from error


def _is_file(text):
    # A pipe, too, which is refused where it would be read. Unlike pathlib's, these take any text.
    path = os.path.expanduser(text)
    return os.path.exists(path) and not os.path.isdir(path)

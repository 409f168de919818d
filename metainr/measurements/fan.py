"""Fan beams: the rays of a CT scanner that sees each view from a point, as most scanners do.

At a view of angle φ the source stands at distance R from the centre of rotation, and across from it
a row of detectors at distance F from the source:

    source = centre − R·(sin φ, cos φ)

with x to the right and y down: at φ = 0 it is above the image. The ray to the detector at place u
of the row leaves the ray through the centre by the fan angle γ, and is a ray of
`metainr.measurements.projection` with

    θ = φ + γ,    s = R·sin γ

γ being arctan(u / F) for a flat row and u / F for one that is curved about the source. It is
sampled as all rays there are. Source: Kak and Slaney, Principles of Computerized Tomographic
Imaging, 1988, section 3.4.
"""

import numpy as np

from metainr.errors import Option, UserError
from metainr.measurements.projection import Rays, detector_grid

_RADIUS = 0.5  # of the circle in which the slice turns, in sides


def fan_angles(places: np.ndarray | float, distance: float, shape: str) -> np.ndarray:
    """Fan angles γ in radians of places u on a row at distance F from the source, in one unit.

    shape: of the row, "flat", or "curved" about the source. Raises UserError for a curved row of a
    half circle or more.
    """
    slopes = np.asarray(places, np.float64) / distance
    if shape == "flat":
        return np.arctan(slopes)
    if np.abs(slopes).max() >= np.pi / 2:
        raise UserError(
            f"a curved row reaches {np.rad2deg(np.abs(slopes).max()):.0f} degrees to one side as "
            "seen from the source, and less than 90 are possible; give a smaller ",
            Option("spacing"),
        )
    return slopes


def fan_beam(
    detectors: np.ndarray, source_distance: float, detector_distance: float, shape: str = "flat"
) -> Rays:
    """The rays from a source to detectors; all lengths in sides of the square.

    Args:
        detectors: ascending places u [d], 0 where the ray through the centre meets the row; at
            φ = 0 they lead to the right.
        source_distance: R, above 0.5.
        detector_distance: from the centre of rotation to the row, F − R ≥ 0; of 0, places are those
            at the centre.
        shape: of the row, "flat", or "curved" about the source.
    Raises UserError for a source inside the circle in which the slice turns, and for a curved row
    of a half circle or more.
    """
    _check_source(source_distance)
    return _fan(fan_angles(detectors, source_distance + detector_distance, shape), source_distance)


def covering_fan(num_detectors: int, source_distance: float, shape: str = "flat") -> Rays:
    """The rays to evenly spaced detectors [d] that just see the circle in which the slice turns.

    source_distance: in sides, above 0.5; raises UserError for others. shape: as in `fan_beam`.
    """
    _check_source(source_distance)
    widest = np.arcsin(_RADIUS / source_distance)
    edge = np.tan(widest) if shape == "flat" else widest
    places = 2 * edge * detector_grid(num_detectors).astype(np.float64)
    return _fan(fan_angles(places, 1.0, shape), source_distance)


def _fan(angles, source_distance):
    places = source_distance * np.sin(angles)
    return Rays(places.astype(np.float32), angles.astype(np.float32))


def _check_source(source_distance):
    if source_distance <= _RADIUS:
        raise UserError(
            f"a source {source_distance:.4g} sides of the square from the centre of rotation is "
            f"inside the circle of radius {_RADIUS:g} in which the slice turns; give a larger ",
            Option("source_distance"),
        )

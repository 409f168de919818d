"""The rays of a scan, simulated or measured, and what classical methods are given of them."""

from collections.abc import Callable
from functools import partial

import numpy as np
from absl import logging

from experiments.ct.sinogram_options import SinogramOptions
from metainr.errors import UserError
from metainr.evaluation.ct_baselines import (
    filtered_back_projection,
    is_all_around,
    rebinned,
    sart,
)
from metainr.measurements import (
    Detectors,
    Rays,
    covering_fan,
    detector_grid,
    fan_angles,
    fan_beam,
)

ALL_AROUND = "FBP and SART take only views of a fan that are at most 6 degrees apart, all around."


def simulated(geometry: str, source_distance: float | None, shape: str, size: int) -> Detectors:
    """As many detectors as pixels to the slice's side, which see its circle; lengths in sides.

    Raises UserError for a fan that cannot be, and for parallel rays of a source.
    """
    if _is_fan(geometry, source_distance=source_distance):
        return covering_fan(size, source_distance or 0.0, shape)
    return detector_grid(size)


def turn_of(detectors: Detectors) -> float:
    """The angle in which views see all there is to see: of a fan 2π, of parallel rays π."""
    return 2 * np.pi if isinstance(detectors, Rays) else np.pi


def measured(options: SinogramOptions, num: int) -> tuple[Detectors, float]:
    """The rays of so many detectors, in sides of the square, and that side.

    A warning says so if they do not reach over the circle in the square. Raises UserError for a fan
    that cannot be, and for parallel rays of a source.
    """
    spacing, shape = options.spacing, options.detector_shape
    places = (np.arange(num) - (num - 1) / 2 - options.offset) * spacing
    lengths = options.source_distance or 0.0, options.detector_distance or 0.0
    is_fan = _is_fan(
        options.geometry,
        source_distance=options.source_distance,
        detector_distance=options.detector_distance,
    )

    def from_centre(place):
        """How far from the centre of rotation the ray to a place of the row passes."""
        return lengths[0] * np.sin(fan_angles(place, sum(lengths), shape)) if is_fan else place

    side = 2 * float(from_centre(num / 2 * spacing)) if options.side is None else options.side
    reach = from_centre((num / 2 - abs(options.offset)) * spacing)
    if side / 2 - reach > from_centre(spacing) * (1 + 1e-6):
        logging.warning(
            "detectors reach %.4g beyond the centre of rotation on one side, less than half of "
            "--side=%.4g: what lies farther out is seen in part",
            *(reach, side),
        )
    if is_fan:
        return fan_beam(places / side, lengths[0] / side, lengths[1] / side, shape), side
    return (places / side).astype(np.float32), side


def classical(
    angles: np.ndarray, detectors: Detectors, size: int
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """FBP and SART by name: values [v, d] -> slice [size, size]; none of a fan's few views."""
    if isinstance(detectors, Rays) and not is_all_around(angles):
        return {}

    def by(method, values):
        if not isinstance(detectors, Rays):
            return method(angles, values, size, detectors)
        views = rebinned(angles, values, np.asarray(detectors.turns))
        return method(*views, size, detectors.places)

    return {"FBP": partial(by, filtered_back_projection), "SART": partial(by, sart)}


def _is_fan(geometry, **distances):
    """Whether rays are a fan's, whose distances must be there, and of nothing else."""
    is_fan = geometry == "fan"
    wrong = [name for name, length in distances.items() if (length is None) == is_fan]
    if not wrong:
        return is_fan
    if is_fan:
        raise UserError(f"--geometry={geometry} has a source and detectors; give --{wrong[0]}")
    raise UserError(
        f"--geometry={geometry} has no source; leave out --{wrong[0]}, or give --geometry=fan"
    )

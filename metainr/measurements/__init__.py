"""What a sensor reads of a field; a new measurement is one file and one line here."""

from collections.abc import Callable

from metainr.measurements.projection import (
    detector_grid,
    project,
    projection,
    ray_projection,
)
from metainr.measurements.rendering import Rendered, activate, composite, rendering
from metainr.measurements.value import value
from metainr.types import Measurement

REGISTRY: dict[str, Callable[[], Measurement]] = {
    "value": value,
    "projection": projection,
    "rendering": rendering,
}

__all__ = [
    "REGISTRY",
    "Rendered",
    "activate",
    "composite",
    "detector_grid",
    "project",
    "projection",
    "ray_projection",
    "rendering",
    "value",
]

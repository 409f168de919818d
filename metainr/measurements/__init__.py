"""What a sensor reads of a field; a new measurement is one file and one line here."""

from metainr.measurements.projection import (
    detector_grid,
    project,
    projection,
    ray_projection,
)
from metainr.measurements.rendering import Rendered, activate, composite, rendering
from metainr.measurements.value import value

REGISTRY = {"value": value}

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

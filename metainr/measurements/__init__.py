"""What a sensor reads of a field; a new measurement is one file and one line here."""

from collections.abc import Callable

from metainr.measurements.derivatives import (
    divergence,
    gradient,
    hessian,
    laplacian,
    value_and_gradient,
)
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
    "gradient": gradient,
    "laplacian": laplacian,
}

__all__ = [
    "REGISTRY",
    "Rendered",
    "activate",
    "composite",
    "detector_grid",
    "divergence",
    "gradient",
    "hessian",
    "laplacian",
    "project",
    "projection",
    "ray_projection",
    "rendering",
    "value",
    "value_and_gradient",
]

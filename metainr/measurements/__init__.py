"""What a sensor reads of a field; a new measurement is one file and one line here."""

from collections.abc import Callable

from metainr.measurements.derivatives import (
    divergence,
    gradient,
    hessian,
    laplacian,
    value_and_gradient,
)
from metainr.measurements.equations import helmholtz, value_and_rate, wave
from metainr.measurements.fan import covering_fan, fan_angles, fan_beam
from metainr.measurements.projection import (
    Detectors,
    Rays,
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
    "ray_projection": ray_projection,
    "rendering": rendering,
    "gradient": gradient,
    "value_and_gradient": value_and_gradient,
    "divergence": divergence,
    "laplacian": laplacian,
    "hessian": hessian,
    "helmholtz": helmholtz,
    "wave": wave,
    "value_and_rate": value_and_rate,
}

__all__ = [
    "REGISTRY",
    "Detectors",
    "Rays",
    "Rendered",
    "activate",
    "composite",
    "covering_fan",
    "detector_grid",
    "divergence",
    "fan_angles",
    "fan_beam",
    "gradient",
    "helmholtz",
    "hessian",
    "laplacian",
    "project",
    "projection",
    "ray_projection",
    "rendering",
    "value",
    "value_and_gradient",
    "value_and_rate",
    "wave",
]

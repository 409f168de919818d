"""The flags of experiments that render a field along rays."""

from typing import Annotated, NamedTuple

from experiments.run.define import define
from metainr.checks import Choice, Range

RAY_POINTS = Range(2, 10_000)
ACTIVATIONS = Choice(("softplus", "relu"))


class RayOptions(NamedTuple):
    """How a field is rendered.

    ray_samples: points on each ray.
    density: what makes densities of the field's raw values.
    """

    ray_samples: Annotated[int, RAY_POINTS] = 128
    density: Annotated[str, ACTIVATIONS] = "softplus"


RAY_SAMPLES = define(RayOptions, "ray_samples", "points on each ray")
DENSITY = define(RayOptions, "density", "of raw values; relu: the paper's, which may die")

INIT = (RAY_SAMPLES, DENSITY)

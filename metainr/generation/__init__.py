"""Generation: a diffusion prior over the vectors of a set of fields, and samples of it.

`make_prior` learns it, `make_sampler` draws from it, `make_guided` draws what agrees with a
measurement, and `quality` says how good samples are.
"""

from metainr.generation.guidance import make_guided
from metainr.generation.metrics import Quality, distances, nearest, one_nna, quality
from metainr.generation.prior import Predict, Prior, PriorOptions, PriorState, make_prior
from metainr.generation.sampling import make_sampler
from metainr.generation.schedule import Schedule, linear_schedule

__all__ = [
    "Predict",
    "Prior",
    "PriorOptions",
    "PriorState",
    "Quality",
    "Schedule",
    "distances",
    "linear_schedule",
    "make_guided",
    "make_prior",
    "make_sampler",
    "nearest",
    "one_nna",
    "quality",
]

"""Problems whose signals are seen whole, at points that a class shares: images, sounds, clips."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.problem import Problem, Setting, matching_gradient
from metainr.evaluation.tuning import RATES
from metainr.measurements import value
from metainr.numerics import Summation, objective_gradient
from metainr.numerics.flops import Points
from metainr.numerics.gradients import Gradient
from metainr.objectives import all_points, image_samples, image_task, squared_error
from metainr.types import Array, Draw, Field, SignalClass, Term


class Gradients(NamedTuple):
    """The gradients of such a problem, with their points; see `experiments.problem.Problem`."""

    inner: Gradient
    query: Gradient
    matching: Gradient
    points: Points


def make_gradients(
    field: Field,
    coords: Array,
    inner_points: int,
    draw_some: Callable[[Array, int], Draw],
    summation: Summation,
    low: float = 0.0,
) -> Gradients:
    """Of the mean squared error at coords [n, d] in [low, 1]^d.

    inner_points: how many of them inner steps see; 0, or n and more: all.
    draw_some: (coords, number below n) -> their draw.
    """
    everything = all_points(coords)
    num_points = min(inner_points, len(coords)) or len(coords)
    some = draw_some(coords, num_points) if num_points < len(coords) else everything

    def gradient(draw):
        return objective_gradient((Term(draw, value(), squared_error),), field.apply, summation)

    matching = matching_gradient(field.apply, summation, coords.shape[1], low)
    points = Points(num_points, len(coords))
    return Gradients(gradient(some), gradient(everything), matching, points)


def make_problem(
    field: Field,
    in_dim: int,
    signals: SignalClass,
    gradients: Gradients,
    setting: Setting,
    inner_steps: int,
    rates: Mapping[str, Sequence[float]] = RATES,
    value_range: float = 1.0,
) -> Problem:
    """The problem of fitting whole signals, tested in one setting; see `Problem`."""
    return Problem(
        field=field,
        in_dim=in_dim,
        signals=signals,
        make_task=image_task,
        inner_gradient=gradients.inner,
        query_gradient=gradients.query,
        matching_gradient=gradients.matching,
        points=gradients.points,
        mean_support=lambda num: image_samples(jnp.asarray(mean_signal(signals, num))),
        settings={"default": setting},
        validation=setting._replace(steps=(0, inner_steps)),
        rates=rates,
        value_range=value_range,
    )


def mean_signal(signals: SignalClass, num: int) -> np.ndarray:
    """The mean of the first `num` training signals, arrays of one shape."""
    return np.mean([signals.get("train", i) for i in range(num)], axis=0)

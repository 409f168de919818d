"""Problems whose signals are seen whole, at points that a class shares: images, sounds, clips."""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from metainr.evaluation.tuning import RATES
from metainr.measurements import value
from metainr.objectives import all_points, image_samples, image_task, squared_error
from metainr.runs.problem import Problem, Setting, matching_objective
from metainr.types import Array, Draw, Field, Objective, SignalClass, Term


def objectives(
    coords: Array, inner_points: int, draw_some: Callable[[Array, int], Draw]
) -> tuple[Objective, Objective]:
    """(inner, query): the mean squared error at coords [n, d].

    inner_points: how many of them inner steps see; 0, or n and more: all.
    draw_some: (coords, number below n) -> their draw.
    """
    some = draw_some(coords, inner_points) if 0 < inner_points < len(coords) else all_points(coords)
    inner, query = (Term(draw, value(), squared_error) for draw in (some, all_points(coords)))
    return (inner,), (query,)


def make_problem(
    field: Field,
    signals: SignalClass,
    query: Objective,
    setting: Setting,
    inner_steps: int,
    dim: int,
    low: float = 0.0,
    rates: Mapping[str, Sequence[float]] = RATES,
    value_range: float = 1.0,
) -> Problem:
    """The problem of fitting whole signals, tested in one setting; see `Problem`.

    `dim`, `low`: inits are matched at points of [low, 1]^dim.
    """
    return Problem(
        field=field,
        signals=signals,
        make_task=image_task,
        inner=setting.objective,
        query=query,
        matching=matching_objective(field.apply, dim, low),
        mean_support=lambda num: image_samples(jnp.asarray(mean_signal(signals, num))),
        settings={"default": setting},
        validation=setting._replace(steps=(0, inner_steps)),
        rates=rates,
        value_range=value_range,
    )


def mean_signal(signals: SignalClass, num: int) -> np.ndarray:
    """The mean of the first `num` training signals, arrays of one shape."""
    return np.mean([signals.get("train", i) for i in range(num)], axis=0)

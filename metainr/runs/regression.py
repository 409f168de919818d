"""Problems whose signals are seen whole, at points that a class shares: images, sounds, volumes."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import picture_metrics, psnr, psnr_of_mse
from metainr.evaluation.tuning import RATES
from metainr.measurements import value
from metainr.objectives import (
    all_points,
    image_samples,
    image_task,
    pixel_grid,
    random_points,
    squared_error,
)
from metainr.runs.pictures import as_picture
from metainr.runs.problem import Problem, Setting, matching_objective
from metainr.types import Array, Draw, Field, Objective, Params, SignalClass, Term


def of_grid(
    field: Field,
    signals: SignalClass,
    shape: Sequence[int],
    steps: tuple[int, ...],
    match_step: int,
    inner_steps: int,
    inner_points: int = 0,
    objective: Objective | None = None,
    query: Objective | None = None,
) -> Problem:
    """Signals [*shape, c] in [0, 1] fitted at the points of a grid in [0, 1)^d.

    Args:
        field: of d coordinates and c values.
        signals: the class.
        shape: of the grid.
        steps, match_step: those of a fit at which it is measured, and at which inits are compared.
        inner_steps: that validation takes.
        inner_points: how many points inner steps see; 0: all.
        objective: what inner steps lower, its draws reading `metainr.objectives.Samples`; None: the
            mean squared error.
        query: what the outer loss scores; None: the objective, if that is given, else the mean
            squared error.
    """
    inner, whole = grid_objectives(shape, inner_points)
    told_by_loss = objective is None and not inner_points
    setting = Setting(
        make_task=image_task,
        objective=objective or inner,
        steps=steps,
        match_step=match_step,
        score=_score(field, shape, told_by_loss),
        view=lambda params, signal: as_picture(render(field, params, shape)),
        target=lambda signal: as_picture(jnp.asarray(signal)),
    )
    problem = make_problem(
        field, signals, query or objective or whole, setting, inner_steps, len(shape)
    )
    if objective is not None or query is not None:  # of whose draws nothing is known
        return problem

    def coarse():
        fewer = -(-inner_points // 2 ** len(shape))
        half = [-(-side // 2) for side in shape]
        seen = _every_second(signals, len(shape))
        return of_grid(field, seen, half, steps, match_step, inner_steps, fewer)

    return problem._replace(coarse=coarse)


def _every_second(signals, axes):
    """Signals at every second point: where a grid of half the side has its points."""
    chosen = (slice(None, None, 2),) * axes
    return SignalClass(
        signals.sizes, lambda split, index: signals.get(split, index)[chosen], cycle=signals.cycle
    )


def grid_objectives(shape: Sequence[int], inner_points: int) -> tuple[Objective, Objective]:
    """(inner, query): mean squared errors; inner steps see `inner_points` of a grid (0: all).

    Later calls give the same ones, so that what was compiled for them serves again.
    """
    return _grid_objectives(tuple(shape), inner_points)


@functools.lru_cache(maxsize=8)
def _grid_objectives(shape, inner_points):
    return objectives(pixel_grid(shape), inner_points, random_points)


def objectives(
    coords: Array, inner_points: int, draw_some: Callable[[Array, int], Draw]
) -> tuple[Objective, Objective]:
    """(inner, query): the mean squared error at coords [n, d].

    inner_points: how many of them inner steps see; 0, or n and more: all.
    draw_some: (coords, number below n) -> their draw.
    """
    everything = all_points(coords)
    some = draw_some(coords, inner_points) if 0 < inner_points < len(coords) else everything
    inner, query = (Term(draw, value(), squared_error) for draw in (some, everything))
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


def render(field: Field, params: Params, shape: Sequence[int]) -> Array:
    """The signal [*shape, c] that a field stands for, not clipped."""
    return field.apply(params, pixel_grid(shape)).reshape(*shape, -1)


def _score(field, shape, told_by_loss):
    """PSNR at every step, from the loss where that is it, and SSIM of images at the end."""

    def full(params: Params, signal: Array) -> dict[str, Array]:
        found = render(field, params, shape)
        if len(shape) == 2:
            return picture_metrics(found, signal)
        return {"psnr": psnr(found, signal)}

    return Score(full, jax.jit(lambda loss: {"psnr": psnr_of_mse(loss)}) if told_by_loss else None)

"""What a kind of problem is: signals, a field, objectives, and how its fits are tested."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.evaluation.fitting import Score
from metainr.evaluation.tuning import RATES
from metainr.measurements import value
from metainr.objectives import output_of, squared_error
from metainr.types import (
    Apply,
    Array,
    Field,
    Key,
    Measurement,
    Objective,
    Params,
    Signal,
    SignalClass,
    Support,
    Task,
    Term,
)

_MATCHING_POINTS = 2048


class Setting(NamedTuple):
    """A way to test an init: what a fit is shown of a signal, and how it is measured.

    make_task: (signal, key) -> Task, whose support the steps see.
    objective: what the steps lower.
    steps: increasing step counts after which fits are measured.
    match_step: the one of them at which inits are compared.
    score: what is measured of a fit.
    view: (params, signal) -> picture [h, w, c] of a fit.
    target: signal -> the picture that the view comes to be like.
    references: methods without a field, by name: signal -> (metrics by name, picture).
    metric: of the score, the one by which inits are compared and tuned.
    caption: what the pictures show, in sentences for the report.
    export: (params, signal, path without a suffix) writes a fit in files of the signal's own kind.
    tuning: how fits of validation signals are made and measured where less is known of these;
        None: as those of tests.
    """

    make_task: Callable[[Signal, Key], Task]
    objective: Objective
    steps: tuple[int, ...]
    match_step: int
    score: Score
    view: Callable[[Params, Signal], Array]
    target: Callable[[Any], Array]
    references: Mapping[str, Callable[[Any], tuple[Mapping[str, float], np.ndarray]]] = {}
    metric: str = "psnr"
    caption: str = ""
    export: Callable[[Params, Any, Path], None] | None = None
    tuning: "Setting | None" = None


class Problem(NamedTuple):
    """One kind of learning problem; gradients, point counts and FLOPs are derived from it.

    field: the coordinate network.
    signals: the class of signals.
    make_task: (signal, key) -> Task of meta-training.
    inner, query: the objectives that inner steps lower and that the outer loss scores.
    matching: distance to another field's output; its support is that one's params.
    mean_support: number of training signals -> the support of their mean; not asked of a class
        without any.
    settings: ways to test an init, by name; one alone is called "default".
    validation: the one that meta-training watches.
    rates: optimizer -> learning rates that tuning tries.
    value_range: of values whose mean squared error the query objective is; None if it is none.
    coarse: () -> the problem that sees every second point along each axis; None if there is none.
    augment: what may become of a training signal each time that it is seen; None: nothing.
    """

    field: Field
    signals: SignalClass
    make_task: Callable[[Signal, Key], Task]
    inner: Objective
    query: Objective
    matching: Objective
    mean_support: Callable[[int], Support]
    settings: Mapping[str, Setting]
    validation: Setting
    rates: Mapping[str, Sequence[float]] = RATES
    value_range: float | None = 1.0
    coarse: "Callable[[], Problem] | None" = None
    augment: Callable[[Signal, np.random.Generator], Signal] | None = None


def augmented(problem: Problem, change: Callable[[Signal, np.random.Generator], Signal]) -> Problem:
    """The problem whose training signals are changed, its coarse form likewise."""
    coarse = problem.coarse
    return problem._replace(augment=change, coarse=coarse and (lambda: augmented(coarse(), change)))


def matching_objective(
    apply: Apply,
    dim: int,
    low: float = 0.0,
    high: float = 1.0,
    measurement: Measurement | None = None,
) -> Objective:
    """Mean squared difference of two fields' output at uniform points of [low, high]^dim.

    Args:
        apply: (params, coords) -> the output to match.
        dim: number of coordinates.
        low, high: where points are drawn.
        measurement: reads that output of a field at the points; None: its values.
    """
    draw = output_of(apply, _MATCHING_POINTS, dim, low, high)
    return (Term(draw, measurement or value(), squared_error),)


def with_match(steps: tuple[int, ...], inner_steps: int) -> tuple[tuple[int, ...], int]:
    """Steps after which fits are measured, and the one of them at which inits are compared.

    That is after as many as the inits were learned for; if that is none of them, after the last.
    """
    return steps, inner_steps if inner_steps in steps else steps[-1]


def spread_steps(last: int) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20, 50, … and the last step: where scores that take long are measured."""
    steps = [digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)]
    return (0, *(step for step in steps if step < last), last)

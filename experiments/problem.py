"""What an experiment defines, and the parts every experiment makes from it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import Mesh

from metainr import algorithms
from metainr.evaluation.fitting import Evaluate, Score, make_evaluate
from metainr.evaluation.tuning import RATES
from metainr.measurements import value
from metainr.numerics import Summation, objective_gradient
from metainr.numerics.flops import Points, forward_flops, task_flops
from metainr.numerics.gradients import Gradient
from metainr.objectives import output_of, squared_error
from metainr.training.instruments import Cost
from metainr.types import (
    Algorithm,
    Array,
    Field,
    Inner,
    Key,
    Params,
    SignalClass,
    Support,
    Task,
    Term,
)

_MATCHING_POINTS = 2048


class Setting(NamedTuple):
    """A way to test an init: what a fit is shown of a signal, and how it is measured.

    make_task: (signal, key) -> Task, whose support the steps see.
    gradient: of the objective that the steps lower.
    steps: increasing step counts after which fits are measured.
    match_step: the one of them at which inits are compared.
    score: what is measured of a fit.
    view: (params, signal) -> picture [h, w, c] of a fit.
    target: signal -> the picture that the view comes to be like.
    references: methods without a field, by name: signal -> (metrics by name, picture).
    metric: of the score, the one by which inits are compared and tuned.
    caption: what the pictures show, in sentences for the report.
    export: (params, signal, path without a suffix) writes a fit in files of the signal's own kind.
    """

    make_task: Callable[[Any, Key], Task]
    gradient: Gradient
    steps: tuple[int, ...]
    match_step: int
    score: Score
    view: Callable[[Params, Any], Array]
    target: Callable[[Any], Array]
    references: Mapping[str, Callable[[Any], tuple[Mapping[str, float], np.ndarray]]] = {}
    metric: str = "psnr"
    caption: str = ""
    export: Callable[[Params, Any, Path], None] | None = None


class Problem(NamedTuple):
    """One kind of learning problem: the part of an experiment that no other shares.

    field: the coordinate network.
    in_dim: the number of its coordinates.
    signals: the class of signals.
    make_task: (signal, key) -> Task of meta-training.
    inner_gradient, query_gradient: of the objectives that inner steps and outer loss score.
    matching_gradient: of the distance to another field's output; its support is that one's params.
    points: how many points inner and query gradient ask the field at.
    mean_support: number of training signals -> the support of their mean; not asked of a class
        without any.
    settings: ways to test an init, by name; one alone is called "default".
    validation: the one that meta-training watches.
    rates: optimizer -> learning rates that `--tune` tries.
    value_range: of values whose mean squared error the query objective is; None if it is none.
    """

    field: Field
    in_dim: int
    signals: SignalClass
    make_task: Callable[[Any, Key], Task]
    inner_gradient: Gradient
    query_gradient: Gradient
    matching_gradient: Gradient
    points: Points
    mean_support: Callable[[int], Support]
    settings: Mapping[str, Setting]
    validation: Setting
    rates: Mapping[str, Sequence[float]] = RATES
    value_range: float | None = 1.0


def make_inner(
    gradient: Gradient, optimizer: str, decay_steps: int | None = None
) -> Callable[[float | Array], Inner]:
    """Learning rate -> inner loop; over `decay_steps` steps its rate falls as a cosine to 0."""
    make_optimizer = algorithms.make_optimizer(optimizer)

    def make(rate):
        if decay_steps is not None:
            rate = optax.cosine_decay_schedule(rate, decay_steps)
        return algorithms.gradient_inner(gradient, make_optimizer(rate))

    return make


def make_test_inner(gradient: Gradient, config: SimpleNamespace, num_steps: int) -> Inner:
    """The inner loop of a fit by the flags' optimizer, rate and test-time schedule."""
    decay_steps = num_steps if config.test_schedule == "cosine" else None
    return make_inner(gradient, config.inner_optimizer, decay_steps)(config.inner_learning_rate)


def matching_gradient(
    apply: Callable[[Params, Array], Array],
    summation: Summation,
    dim: int,
    low: float = 0.0,
    high: float = 1.0,
) -> Gradient:
    """Of the mean squared difference of two fields' values at uniform points of [low, high]^dim."""
    draw = output_of(apply, _MATCHING_POINTS, dim, low, high)
    return objective_gradient((Term(draw, value(), squared_error),), apply, summation)


def spread_steps(last: int) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20, 50, … and the last step: where scores that take long are measured."""
    steps = [digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)]
    return (0, *(step for step in steps if step < last), last)


def make_algorithm(problem: Problem, config: SimpleNamespace) -> Algorithm:
    """The meta-learner that the flags name."""
    inner = make_inner(problem.inner_gradient, config.inner_optimizer)(config.inner_learning_rate)
    make = algorithms.make(config.algorithm)
    return make(problem.field.init, inner, problem.query_gradient, config.inner_steps)


def make_outer_optimizer(config: SimpleNamespace) -> optax.GradientTransformation:
    """Adam at the flags' rate, schedule and clipping."""
    rate = config.outer_learning_rate
    if config.outer_schedule == "cosine":
        rate = optax.cosine_decay_schedule(rate, config.train_steps)
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    return optax.chain(clip, optax.adam(rate))


def step_cost(problem: Problem, algorithm: Algorithm, num_tasks: int) -> Cost:
    """What an outer step of `num_tasks` tasks takes."""
    params = jax.eval_shape(problem.field.init, jax.random.key(0))
    forward = forward_flops(problem.field.apply, params, problem.in_dim)
    flops = num_tasks * task_flops(forward, problem.points, algorithm.work)
    return Cost(num_tasks, max(problem.points), flops)


def make_evaluation(
    setting: Setting, mesh: Mesh | None = None, schedule: str = "constant"
) -> Evaluate:
    """Test-time fits in a setting by any optimizer; see `metainr.evaluation.fitting`.

    `schedule`: of the rate, "constant", or "cosine" over the setting's steps.
    """
    decay_steps = setting.steps[-1] if schedule == "cosine" else None
    return make_evaluate(
        lambda optimizer: make_inner(setting.gradient, optimizer, decay_steps),
        setting.make_task,
        setting.score,
        setting.view,
        mesh,
    )


def standard_init(field: Field, seed: int) -> Params:
    """Random weights that no training starts from."""
    return field.init(jax.random.fold_in(jax.random.key(seed), 1))

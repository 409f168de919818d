"""What an experiment defines, and the parts every experiment makes from it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import optax
from jax.sharding import Mesh

from metainr import algorithms
from metainr.evaluation.fitting import Evaluate, Score, make_evaluate
from metainr.numerics.flops import Points, forward_flops, task_flops
from metainr.numerics.gradients import Gradient
from metainr.training.instruments import Cost
from metainr.types import Algorithm, Array, Field, Inner, Key, Params, SignalClass, Support, Task


class Problem(NamedTuple):
    """One kind of learning problem: the part of an experiment that no other shares.

    field: the coordinate network.
    in_dim: the number of its coordinates.
    signals: the class of signals.
    make_task: (signal, key) -> Task.
    inner_gradient, query_gradient: of the objectives that inner steps and outer loss score.
    matching_gradient: of the distance to another field's output; its support is that one's params.
    points: how many points inner and query gradient ask the field at.
    mean_support: number of training signals -> the support of their mean.
    score: what is measured of a fit.
    view: params -> picture [h, w, c].
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
    score: Score
    view: Callable[[Params], Array]


def make_inner(gradient: Gradient, optimizer: str) -> Callable[[float | Array], Inner]:
    """Learning rate -> inner loop."""
    make_optimizer = algorithms.make_optimizer(optimizer)
    return lambda rate: algorithms.gradient_inner(gradient, make_optimizer(rate))


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


def make_evaluation(problem: Problem, mesh: Mesh | None = None) -> Evaluate:
    """Test-time fits of this problem by any optimizer; see `metainr.evaluation.fitting`."""
    return make_evaluate(
        lambda optimizer: make_inner(problem.inner_gradient, optimizer),
        problem.make_task,
        problem.score,
        problem.view,
        mesh,
    )


def standard_init(field: Field, seed: int) -> Params:
    """Random weights that no training starts from."""
    return field.init(jax.random.fold_in(jax.random.key(seed), 1))

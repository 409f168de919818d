"""Meta-training: what a problem and its options come to."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from metainr.algorithms import REGISTRY
from metainr.checks import checked
from metainr.devices import from_first, is_first, local_mesh, own_rows
from metainr.errors import Option, UserError
from metainr.evaluation.fitting import make_evaluate
from metainr.keys import branch
from metainr.numerics import num_points
from metainr.numerics.flops import objective_flops, task_flops
from metainr.runs.learners import make_algorithm
from metainr.runs.options import (
    LearnerOptions,
    Machine,
    OuterOptions,
    TestOptions,
    checked_test,
)
from metainr.runs.problem import Problem
from metainr.signals.mixture import in_cycles
from metainr.training.data import first_signals, training_batches
from metainr.training.instruments import Cost
from metainr.training.loop import LoopOptions, Validation, train
from metainr.training.room import check_signals, check_weights
from metainr.training.step import init_state, make_train_step
from metainr.types import Algorithm, Contender, MetaParams, Signal


def make_outer_optimizer(
    options: OuterOptions,
    outer_rates: Callable[[MetaParams], Any] | None = None,
    optimizer: optax.GradientTransformation | None = None,
) -> optax.GradientTransformation:
    """An optimizer's steps times an algorithm's factors; None: Adam as the options say."""
    if optimizer is None:
        optimizer = _adam(options)
    return optimizer if outer_rates is None else optax.chain(optimizer, _times(outer_rates))


def _adam(options):
    rate = options.learning_rate
    if options.schedule == "cosine":
        rate = optax.cosine_decay_schedule(rate, options.train_steps)
    clip = optax.clip_by_global_norm(options.clip_norm) if options.clip_norm else optax.identity()
    return optax.chain(clip, optax.adam(rate))


def learn(
    problem: Problem,
    learner: LearnerOptions,
    outer: OuterOptions,
    test: TestOptions,
    seed: int,
    folder: Path,
    record: Mapping[str, Any],
    machine: Machine,
    optimizer: optax.GradientTransformation | None = None,
    start: MetaParams | None = None,
) -> MetaParams:
    """Meta-trains, or goes on with it, and returns what was learned as NumPy arrays.

    Args:
        problem: what is learned for.
        learner, outer: the algorithm with its inner loop, and the outer loop.
        test: how validation fits are made.
        seed: of the root key, and of the order of signals.
        folder: of the run; a run in it goes on.
        record: stored in every checkpoint.
        machine: what to work with.
        optimizer: the outer one; None: Adam as the options say.
        start: meta-parameters that a run begins with; None: random ones.

    Raises OptionError for options that are not possible.
    """
    outer, test = checked(outer), checked_test(test)
    algorithm = make_algorithm(learner, problem.field, problem.inner, problem.query, machine)
    optimizer = make_outer_optimizer(outer, algorithm.outer_rates, optimizer)
    if is_first():
        folder.mkdir(parents=True, exist_ok=True)
    root = jax.random.key(seed)
    check_weights(jax.eval_shape(partial(init_state, algorithm, optimizer), root))
    check_signals(problem.signals, "validation", test.num_validation, "num_validation")
    state = init_state(algorithm, optimizer, root, start)
    validate = _validation(problem, learner, test.num_validation, root, machine)
    for stage in _stages(problem, outer, folder):
        state = _train(
            stage, state, learner, outer, optimizer, validate, seed, folder, record, machine
        )
    return jax.tree.map(np.asarray, state.meta_params)


class _Stage(NamedTuple):
    """A stretch of the outer steps: the problem that they see, and the step that they end at."""

    problem: Problem
    end: int


def _stages(problem, outer, folder):
    """The stages that are not over: the coarse one, if there is one, and that of the problem."""
    stages = [_Stage(problem, outer.train_steps)]
    if outer.coarse_steps:
        if problem.coarse is None:
            raise UserError(
                Option("coarse_steps", outer.coarse_steps),
                ": these signals have no coarser form; leave it out",
            )
        coarse = _Stage(problem.coarse(), min(outer.coarse_steps, outer.train_steps))
        stages = [coarse, *stages] if from_first(lambda: _newest(folder)) < coarse.end else stages
    return stages


def _newest(folder):
    return max((int(p.name) for p in folder.glob("checkpoints/*") if p.name.isdigit()), default=0)


def _train(stage, state, learner, outer, optimizer, validate, seed, folder, record, machine):
    """The state at the end of a stage."""
    problem, mesh = stage.problem, machine.mesh
    algorithm = make_algorithm(learner, problem.field, problem.inner, problem.query, machine)
    signals, make_task = _training(problem, learner)
    check_signals(signals, "train", outer.tasks_per_step, "tasks_per_step")
    limit = _limit(problem, learner, outer)
    return train(
        make_train_step(algorithm, optimizer, make_task, mesh, machine.task_microbatch),
        state,
        lambda start: training_batches(
            signals,
            outer.tasks_per_step,
            seed=seed,
            start=start,
            limit=limit,
            rows=own_rows(outer.tasks_per_step, mesh),
            change=problem.augment,
        ),
        validate,
        LoopOptions(
            stage.end,
            outer.eval_every,
            outer.checkpoint_every,
            outer.profile,
            problem.value_range,
        ),
        folder,
        dict(record),
        step_cost(problem, algorithm, signals_per_step(problem, learner, outer)),
        mesh,
    )


def signals_per_step(problem: Problem, learner: LearnerOptions, outer: OuterOptions) -> int:
    """How many training signals an outer step sees."""
    return outer.tasks_per_step * _signals_per_task(problem, learner)


def num_seen(problem: Problem, learner: LearnerOptions, outer: OuterOptions) -> int:
    """How many different training signals all outer steps see."""
    signals, _ = _training(problem, learner)
    there = _limit(problem, learner, outer) or signals.sizes["train"]
    each = _signals_per_task(problem, learner)
    return each * min(there, outer.train_steps * outer.tasks_per_step)


def seen_signals(
    problem: Problem, learner: LearnerOptions, outer: OuterOptions, seed: int, most: int
) -> list[Signal]:
    """The different training signals that outer steps see, in their order, `most` at most."""
    signals, _ = _training(problem, learner)
    limit, each = _limit(problem, learner, outer), _signals_per_task(problem, learner)
    wanted = min(most, num_seen(problem, learner, outer))
    found: dict[int, Signal] = {}
    for batch in training_batches(signals, outer.tasks_per_step, seed=seed, limit=limit):
        for number in map(int, batch.number):
            for index in range(each * number, each * (number + 1)):
                if len(found) < wanted:
                    found.setdefault(index, problem.signals.get("train", index))
        if len(found) >= wanted:
            break
    return list(found.values())


def _signals_per_task(problem, learner):
    return problem.signals.cycle if REGISTRY[learner.algorithm].takes_cycles else 1


def _training(problem, learner):
    """The training signals as the algorithm's tasks hold them, and how such tasks are made."""
    if not REGISTRY[learner.algorithm].takes_cycles:
        return problem.signals, problem.make_task

    def make_task(stack, key):
        count = problem.signals.cycle
        tasks = jax.vmap(problem.make_task)(stack, jax.random.split(key, count))
        others = tuple(_at(tasks.support, i) for i in range(1, count))
        return _at(tasks, 0)._replace(others=others)

    return in_cycles(problem.signals), make_task


def _at(tree, index):
    return jax.tree.map(lambda x: x[index], tree)


def _limit(problem, learner, outer):
    """How many training signals to learn from, or stacks of them; None: all."""
    entry, size = REGISTRY[learner.algorithm], problem.signals.sizes["train"]
    if entry.kept_signals is None:
        given = outer.train_signals
        return given and max(1, given // _signals_per_task(problem, learner))
    count = entry.kept_signals(learner.options)
    if outer.train_signals not in (None, count) or count > size:
        there = size if outer.train_signals is None else outer.train_signals
        raise UserError(
            Option("algorithm", learner.algorithm),
            f" keeps something of {count} training signals, and there are {there}; give it as many",
        )
    return count


def step_cost(problem: Problem, algorithm: Algorithm, num_signals: int) -> Cost:
    """What an outer step that sees so many signals takes."""
    params = jax.eval_shape(problem.field.init, jax.random.key(0))
    task = jax.eval_shape(problem.make_task, problem.signals.get("train", 0), jax.random.key(0))
    sides = ((problem.inner, task.support), (problem.query, task.query))
    points = [
        num_points(objective, params, data, jax.random.key(0), 0) for objective, data in sides
    ]
    inner, query = (objective_flops(o, problem.field.apply, params, data) for o, data in sides)
    return Cost(num_signals, max(points), num_signals * task_flops(inner, query, algorithm.work))


def _times(outer_rates):
    """Multiplies updates by the factors of the meta-parameters that they are updates of."""

    def update(updates, state, params=None):
        return jax.tree.map(lambda x, factor: factor * x, updates, outer_rates(params)), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _validation(problem, learner, num_signals, root, machine):
    setting = problem.validation
    algorithm = make_algorithm(learner, problem.field, setting.objective, problem.query, machine)
    evaluate = make_evaluate(
        setting.make_task, setting.score, setting.view, local_mesh(machine.mesh)
    )
    signals = first_signals(problem.signals, "validation", num_signals)
    if not signals:
        raise UserError("signals: there are none for validation; give a class that has some")
    targets = np.stack([np.asarray(setting.target(signal)) for signal in signals])

    def validate(meta_params):
        # On a mesh they lie on all processes' devices, and a fit is this process' own.
        meta_params = jax.tree.map(np.asarray, meta_params)
        contender = Contender(meta_params, algorithm.make_inner, learner.inner)
        key = branch(root, "validate")
        fits = evaluate(contender, signals, setting.steps, key, len(signals))
        picture = np.concatenate([targets, fits.views[:, 0], fits.views[:, -1]], axis=1)
        return Validation(
            float(fits.metrics[setting.metric][:, -1].mean()),
            np.concatenate(list(picture), axis=1),
            setting.metric,
        )

    return validate

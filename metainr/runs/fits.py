"""Fits by what was learned."""

import functools
from collections.abc import Mapping, Sequence

import jax

from metainr.algorithms.finishing import Finish, finishing
from metainr.evaluation.streaming import fit_each
from metainr.numerics.flops import objective_flops, task_flops
from metainr.numerics.gradients import objective_gradient
from metainr.reporting.results import INITS
from metainr.runs.inits import Init
from metainr.runs.learners import cosine_steps, make_algorithm
from metainr.runs.options import Machine, TestOptions
from metainr.types import Algorithm, Contender, Field, Key, Objective, Params, Support, Work


def make_contenders(
    inits: Mapping[str, Init],
    field: Field,
    objective: Objective,
    machine: Machine,
    schedule: str = "constant",
    num_steps: int = 0,
    finish: Finish | None = None,
) -> dict[str, Contender]:
    """The inits with their loops on an objective; those of one learner share one.

    Later calls give the same loops for the same field and objective, so that what was compiled for
    them serves again.

    Args:
        inits: by name.
        field, objective, machine: what the loops lower, and what they work with.
        schedule: of the rate over `num_steps`, "constant" or "cosine"; with a finish, of its rate.
        num_steps: of the fits.
        finish: how those go on that `is_finished` names; the others keep their optimizer.
    """
    decay = cosine_steps(schedule, num_steps)

    def contender(name, init):
        own = None
        if finish is not None and is_finished(name):
            own = settled(finish, init)
            left = None if decay is None else max(decay - (own.after or 0), 1)
            own = own._replace(decay_steps=left)
        given = field, objective, machine, decay if own is None else None, own
        return Contender(init.meta_params, _make_inner(init.learner, *given), init.hyper)

    return {name: contender(name, init) for name, init in inits.items()}


def finish_of(test: TestOptions) -> Finish | None:
    """How learned inits are finished in a test; None: they are not."""
    if test.finish is None:
        return None
    return Finish(test.finish, test.finish_learning_rate, test.finish_after)


def settled(finish: Finish, init: Init) -> Finish:
    """The finish of an init, by default after the steps that it was learned for."""
    return finish if finish.after is not None else finish._replace(after=init.learner.inner_steps)


def is_finished(name: str) -> bool:
    """Whether the init of that name was learned, and so may be finished by another optimizer."""
    return name == "meta" or name not in INITS


@functools.lru_cache(maxsize=32)
def _make_inner(learner, field, objective, machine, decay_steps, finish):
    algorithm = make_algorithm(learner, field, objective, objective, machine, decay_steps)
    if finish is None:
        return algorithm.make_inner
    gradient = objective_gradient(objective, field.apply, machine.summation)
    return lambda hyper: finishing(algorithm.make_inner(hyper), gradient, finish)


def fit(
    contenders: Mapping[str, Contender], supports: Sequence[Support], key: Key, num_steps: int
) -> dict[str, list[Params]]:
    """The field's weights after so many steps on each support, by contender."""
    found = fit_each(list(contenders.values()), supports, key, num_steps)
    return {name: [fits[i].params for fits in found] for i, name in enumerate(contenders)}


def fit_flops(
    algorithm: Algorithm, field: Field, objective: Objective, support: Support, num_steps: int
) -> int:
    """Operations of so many test-time steps on one signal; shapes will do for `support`."""
    params = jax.eval_shape(field.init, jax.random.key(0))
    evaluation = objective_flops(objective, field.apply, params, support)
    return task_flops(evaluation, 0, Work(algorithm.fit_gradients(num_steps), 0, 0))

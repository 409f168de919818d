"""A fit of one support by what was learned."""

import jax

from metainr.algorithms import adapt
from metainr.runs.inits import Init
from metainr.runs.learners import cosine_steps, make_algorithm
from metainr.runs.options import Machine
from metainr.types import Field, Inner, Key, Objective, Params, Support


def fit_inner(
    init: Init,
    field: Field,
    objective: Objective,
    machine: Machine,
    schedule: str = "constant",
    num_steps: int = 0,
) -> Inner:
    """The loop of an init on an objective; `schedule`: of its rate over `num_steps`."""
    decay_steps = cosine_steps(schedule, num_steps)
    algorithm = make_algorithm(init.learner, field, objective, objective, machine, decay_steps)
    return algorithm.make_inner(init.hyper)


def fit(inner: Inner, init: Init, support: Support, key: Key, num_steps: int) -> Params:
    """The field's weights after so many steps on a support."""
    steps = jax.jit(lambda start, data, key: adapt(inner, start, data, key, num_steps)[0])
    return steps(init.meta_params, support, key)

"""Fits by what was learned."""

import functools
from collections.abc import Mapping, Sequence

from metainr.evaluation.streaming import fit_each
from metainr.runs.inits import Init
from metainr.runs.learners import cosine_steps, make_algorithm
from metainr.runs.options import Machine
from metainr.types import Contender, Field, Key, Objective, Params, Support


def make_contenders(
    inits: Mapping[str, Init],
    field: Field,
    objective: Objective,
    machine: Machine,
    schedule: str = "constant",
    num_steps: int = 0,
) -> dict[str, Contender]:
    """The inits with their loops on an objective; those of one learner share one.

    Later calls give the same loops for the same field and objective, so that what was compiled for
    them serves again. `schedule`: of the rate over `num_steps`, "constant" or "cosine".
    """
    given = field, objective, machine, cosine_steps(schedule, num_steps)
    return {
        name: Contender(init.meta_params, _make_inner(init.learner, *given), init.hyper)
        for name, init in inits.items()
    }


@functools.lru_cache(maxsize=32)
def _make_inner(learner, field, objective, machine, decay_steps):
    return make_algorithm(learner, field, objective, objective, machine, decay_steps).make_inner


def fit(
    contenders: Mapping[str, Contender], supports: Sequence[Support], key: Key, num_steps: int
) -> dict[str, list[Params]]:
    """The field's weights after so many steps on each support, by contender."""
    found = fit_each(list(contenders.values()), supports, key, num_steps)
    return {name: [fits[i].params for fits in found] for i, name in enumerate(contenders)}

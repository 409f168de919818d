"""The algorithm that learner options name, made for a field and its objectives."""

from metainr import algorithms
from metainr.algorithms import make_parts
from metainr.runs.options import LearnerOptions, Machine, checked_learner
from metainr.types import Algorithm, Field, Objective


def make_algorithm(
    learner: LearnerOptions,
    field: Field,
    inner: Objective,
    query: Objective,
    machine: Machine,
    decay_steps: int | None = None,
) -> Algorithm:
    """The meta-learner.

    Args:
        learner: the algorithm with its inner loop.
        field: the coordinate network.
        inner, query: what inner steps lower, and what the outer loss scores.
        machine: how sums are taken.
        decay_steps: over so many steps the inner rate falls as a cosine to 0; None: it does not.

    Raises OptionError for options that are not possible.
    """
    learner = checked_learner(learner)
    hyper, num_steps = learner.inner, learner.inner_steps
    parts = make_parts(field, inner, query, hyper, num_steps, machine.summation, decay_steps)
    return algorithms.make(learner.algorithm, parts, learner.options)


def cosine_steps(schedule: str, num_steps: int) -> int | None:
    """`decay_steps` of a schedule over a fit, "constant" or "cosine"."""
    return num_steps if schedule == "cosine" else None

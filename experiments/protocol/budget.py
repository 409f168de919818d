"""Equal compute: how many outer steps of an algorithm cost what those of MAML do."""

from experiments.config import Config
from experiments.images.image_flags import ImageFiles
from metainr.algorithms import REGISTRY
from metainr.runs.learners import make_algorithm
from metainr.runs.learning import signals_per_step, step_cost
from metainr.runs.options import LearnerOptions, Machine
from metainr.runs.problem import Problem

# Factors of the inner and the outer rate, the most likely first.
FACTORS = ((1, 1), (1, 3), (3, 1), (1, 0.3), (0.3, 1), (3, 3), (0.3, 3), (3, 0.3), (0.3, 0.3))


def equal_steps(problem: Problem, config: Config[ImageFiles], machine: Machine) -> tuple[int, int]:
    """(outer steps that an algorithm gets for the compute of MAML's, operations of one of them)."""
    plain = LearnerOptions(
        "maml", inner=config.learner.inner, inner_steps=config.learner.inner_steps
    )
    costs = [
        step_cost(
            problem,
            make_algorithm(learner, problem.field, problem.inner, problem.query, machine),
            signals_per_step(problem, learner, config.outer),
        ).flops
        for learner in (plain, config.learner)
    ]
    return max(1, round(config.outer.train_steps * costs[0] / costs[1])), costs[1]


def needed_field(algorithm: str, given: str) -> str:
    """The field that an algorithm is compared with: its own kind, if it has one."""
    return REGISTRY[algorithm].field or given

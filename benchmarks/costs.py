"""What one outer step of an experiment asks for, from its own formulas; nothing runs."""

from collections.abc import Sequence
from typing import NamedTuple

import jax

from benchmarks.ahead_of_time_worker import configured
from metainr.numerics import Summation
from metainr.runs.learners import make_algorithm
from metainr.runs.learning import step_cost
from metainr.runs.options import Machine
from metainr.types import Tree


class StepCosts(NamedTuple):
    """Of one outer step, and how many there are.

    flops: of its matrix products (`metainr.numerics.flops`).
    moved_bytes: of activations, if every product reads and writes them in the device's memory.
    """

    steps: int
    flops: float
    moved_bytes: float


def costs_of(experiment: str, given: Sequence[str]) -> StepCosts:
    """The costs in the setting that the flags describe; an experiment alone in a process."""
    module, config = configured(experiment, tuple(given))
    problem = module.build(config, Summation())
    objectives = problem.field, problem.inner, problem.query
    algorithm = make_algorithm(config.learner, *objectives, Machine())
    flops = step_cost(problem, algorithm, config.outer.tasks_per_step).flops
    params = jax.eval_shape(problem.field.init, jax.random.key(0))
    return StepCosts(config.outer.train_steps, flops, flops / intensity(params))


def least_seconds(costs: StepCosts, teraflops: float, gigabytes: float) -> tuple[float, float]:
    """BOUNDS of a step: (by products, by activations that go through memory).

    Args:
        costs: of the step.
        teraflops: TFLOP/s of products at best.
        gigabytes: GB/s of the memory at best.
    """
    return costs.flops / (1e12 * teraflops), costs.moved_bytes / (1e9 * gigabytes)


def intensity(params: Tree) -> float:
    """Operations per byte of a field's products: Σ 2·in·out / Σ 4·(in + out) over its layers.

    A product reads rows of `in` float32 numbers and writes rows of `out`; all that is done element
    by element is done on the way.
    """
    layers = [leaf.shape for leaf in jax.tree.leaves(params) if leaf.ndim == 2]
    return sum(2 * a * b for a, b in layers) / sum(4 * (a + b) for a, b in layers)

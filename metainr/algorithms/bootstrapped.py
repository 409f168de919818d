"""Bootstrapped meta-learning. Source: Flennerhag et al., ICLR 2022."""

from typing import Annotated, NamedTuple

import jax

from metainr.algorithms.inner import adapt
from metainr.algorithms.maml import through_all_steps
from metainr.algorithms.plain import plain_inner
from metainr.checks import RATE, Range
from metainr.types import Algorithm, Parts, Work


class BootstrappedOptions(NamedTuple):
    """The fit that stands for what is wanted.

    target_steps: steps that the target is ahead of the fit
    target_rate: their learning rate
    """

    target_steps: Annotated[int, Range(1, 10_000)] = 5
    target_rate: Annotated[float, RATE] = 1e-2


def bootstrapped(parts: Parts, options: BootstrappedOptions) -> Algorithm:
    """∇_θ₀ ½ ‖θ_m(θ₀) − θ_b‖², θ_b being constant: θ_m after further steps of the inner loop.

    It teaches the fit to come in m steps to where it comes in more. No query enters it:
    `loss_after` is the objective before the last inner step.
    """
    make_inner = plain_inner(parts)
    inner = make_inner(parts.hyper)
    ahead = make_inner(parts.hyper._replace(learning_rate=options.target_rate))
    num_steps = parts.num_steps

    def outcome(params, losses, task, key):
        target, _ = adapt(ahead, params, task.support, key, options.target_steps)
        return losses[-1], jax.tree.map(lambda x, y: x - y, params, target)

    meta_gradient = through_all_steps(parts, inner, outcome)
    work = Work(num_steps + options.target_steps, num_steps, 0)
    return Algorithm(parts.init, meta_gradient, work, make_inner)

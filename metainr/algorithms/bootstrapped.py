"""Bootstrapped meta-learning. Source: Flennerhag et al., ICLR 2022."""

from typing import Annotated, NamedTuple

import jax

from metainr.algorithms.inner import adapt
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

    def meta_gradient(meta_params, task, key):
        support_key, target_key = jax.random.split(key)
        params, pullback, losses = jax.vjp(
            lambda start: adapt(inner, start, task.support, support_key, num_steps),
            meta_params,
            has_aux=True,
        )
        target, _ = adapt(ahead, params, task.support, target_key, options.target_steps)
        (gradient,) = pullback(jax.tree.map(lambda x, y: x - y, params, target))
        return gradient, {"loss_before": losses[0], "loss_after": losses[-1]}

    work = Work(num_steps + options.target_steps, num_steps, 0)
    return Algorithm(parts.init, meta_gradient, work, make_inner)

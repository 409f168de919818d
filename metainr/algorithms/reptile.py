"""Reptile. Source: Nichol et al., "On First-Order Meta-Learning Algorithms", 2018."""

from collections.abc import Callable

import jax

from metainr.algorithms.inner import adapt
from metainr.numerics.gradients import Gradient
from metainr.types import Algorithm, Inner, Key, MetaParams, Work


def reptile(
    init: Callable[[Key], MetaParams], inner: Inner, query_gradient: Gradient, num_steps: int
) -> Algorithm:
    """θ₀ − θ_m, which the outer optimizer takes as a gradient; arguments are those of `maml`.

    No query enters it: `loss_after` is the objective before the last inner step, which costs
    nothing to know, and `query_gradient` is not called.
    """

    def meta_gradient(meta_params, task, key):
        params, losses = adapt(inner, meta_params, task.support, key, num_steps)
        gradient = jax.tree.map(lambda theta, adapted: theta - adapted, meta_params, params)
        return gradient, {"loss_before": losses[0], "loss_after": losses[-1]}

    return Algorithm(init, inner, meta_gradient, Work(num_steps, 0, 0))

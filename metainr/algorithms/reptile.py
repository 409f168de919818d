"""Reptile. Source: Nichol et al., "On First-Order Meta-Learning Algorithms", 2018."""

import jax

from metainr.algorithms.inner import adapt
from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Parts, Work


def reptile(parts: Parts, options: NoOptions) -> Algorithm:
    """θ₀ − θ_m, which the outer optimizer takes as a gradient.

    No query enters it: `loss_after` is the objective before the last inner step, which costs
    nothing to know.
    """
    make_inner = plain_inner(parts)
    inner, num_steps = make_inner(parts.hyper), parts.num_steps

    def meta_gradient(meta_params, task, key):
        params, losses = adapt(inner, meta_params, task.support, key, num_steps)
        gradient = jax.tree.map(lambda theta, adapted: theta - adapted, meta_params, params)
        return gradient, {"loss_before": losses[0], "loss_after": losses[-1]}

    return Algorithm(parts.init, meta_gradient, Work(num_steps, 0, 0), make_inner)

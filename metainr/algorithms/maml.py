"""Second-order MAML. Source: Finn et al., ICML 2017."""

from collections.abc import Callable

import jax

from metainr.algorithms.inner import adapt
from metainr.numerics.gradients import Gradient
from metainr.types import Algorithm, Inner, Key, MetaParams, Work


def maml(
    init: Callable[[Key], MetaParams], inner: Inner, query_gradient: Gradient, num_steps: int
) -> Algorithm:
    """∇_θ₀ L_query(θ_m(θ₀)), differentiated through all `num_steps` inner steps.

    Args:
        init: key -> initial θ₀.
        inner: the loop that adapts it.
        query_gradient: of the outer objective, which scores `task.query`.
        num_steps: inner steps m.
    """

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, pullback, losses = jax.vjp(
            lambda theta: adapt(inner, theta, task.support, support_key, num_steps),
            meta_params,
            has_aux=True,
        )
        loss, slope = query_gradient(params, task.query, query_key, num_steps)
        (gradient,) = pullback(slope)
        return gradient, {"loss_before": losses[0], "loss_after": loss}

    return Algorithm(init, inner, meta_gradient, Work(num_steps, num_steps, 1))

"""First-order MAML. Source: Finn et al., ICML 2017, section 5.2."""

from collections.abc import Callable

import jax

from metainr.algorithms.inner import adapt
from metainr.numerics.gradients import Gradient
from metainr.types import Algorithm, Inner, Key, MetaParams, Work


def first_order_maml(
    init: Callable[[Key], MetaParams], inner: Inner, query_gradient: Gradient, num_steps: int
) -> Algorithm:
    """∇_θ L_query(θ) at θ = θ_m: MAML with dθ_m/dθ₀ taken as the identity.

    Arguments are those of `maml`.
    """

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, losses = adapt(inner, meta_params, task.support, support_key, num_steps)
        loss, gradient = query_gradient(params, task.query, query_key, num_steps)
        return gradient, {"loss_before": losses[0], "loss_after": loss}

    return Algorithm(init, inner, meta_gradient, Work(num_steps, 0, 1))

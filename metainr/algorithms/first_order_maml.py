"""First-order MAML. Source: Finn et al., ICML 2017, section 5.2."""

import jax

from metainr.algorithms.inner import adapt
from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Parts, Work


def first_order_maml(parts: Parts, options: NoOptions) -> Algorithm:
    """∇_θ L_query(θ) at θ = θ_m: MAML with dθ_m/dθ₀ taken as the identity."""
    make_inner = plain_inner(parts)
    inner, num_steps = make_inner(parts.hyper), parts.num_steps

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, losses = adapt(inner, meta_params, task.support, support_key, num_steps)
        loss, gradient = parts.query(params, task.query, query_key, num_steps)
        return gradient, {"loss_before": losses[0], "loss_after": loss}

    return Algorithm(parts.init, meta_gradient, Work(num_steps, 0, 1), make_inner)

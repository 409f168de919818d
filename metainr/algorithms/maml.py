"""Second-order MAML. Source: Finn et al., ICML 2017."""

from collections.abc import Callable

import jax

from metainr.algorithms.inner import adapt
from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Array, Inner, Key, MetaParams, Params, Parts, Task, Work

Outcome = Callable[[Params, Array, Task, Key], tuple[Array, Params]]
"""`(θ_m, losses before each step, task, key) -> (loss, its slope in θ_m)`."""


def maml(parts: Parts, options: NoOptions) -> Algorithm:
    """∇_θ₀ L_query(θ_m(θ₀)), differentiated through all inner steps m."""
    make_inner = plain_inner(parts)
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(
        parts.init, through_all_steps(parts, make_inner(parts.hyper)), work, make_inner
    )


def through_all_steps(
    parts: Parts, inner: Inner, outcome: Outcome | None = None
) -> Callable[[MetaParams, Task, Key], tuple[MetaParams, dict[str, Array]]]:
    """The meta-gradient of what an inner loop comes to, in all that it starts from.

    `outcome`: None: L_query.
    """

    def query(params, losses, task, key):
        return parts.query(params, task.query, key, parts.num_steps)

    judged = outcome or query

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, pullback, losses = jax.vjp(
            lambda start: adapt(inner, start, task.support, support_key, parts.num_steps),
            meta_params,
            has_aux=True,
        )
        loss, slope = judged(params, losses, task, query_key)
        (gradient,) = pullback(slope)
        return gradient, {"loss_before": losses[0], "loss_after": loss}

    return meta_gradient

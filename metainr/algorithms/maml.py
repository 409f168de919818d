"""Second-order MAML. Source: Finn et al., ICML 2017."""

from collections.abc import Callable

import jax

from metainr.algorithms.inner import adapt
from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Array, Inner, Key, MetaParams, Parts, Task, Work


def maml(parts: Parts, options: NoOptions) -> Algorithm:
    """∇_θ₀ L_query(θ_m(θ₀)), differentiated through all inner steps m."""
    make_inner = plain_inner(parts)
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(
        parts.init, through_all_steps(parts, make_inner(parts.hyper)), work, make_inner
    )


def through_all_steps(
    parts: Parts, inner: Inner
) -> Callable[[MetaParams, Task, Key], tuple[MetaParams, dict[str, Array]]]:
    """The meta-gradient of L_query after the steps of an inner loop, in all that it starts from."""

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, pullback, losses = jax.vjp(
            lambda start: adapt(inner, start, task.support, support_key, parts.num_steps),
            meta_params,
            has_aux=True,
        )
        loss, slope = parts.query(params, task.query, query_key, parts.num_steps)
        (gradient,) = pullback(slope)
        return gradient, {"loss_before": losses[0], "loss_after": loss}

    return meta_gradient

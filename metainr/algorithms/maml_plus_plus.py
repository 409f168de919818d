"""MAML that is steadied by the losses of all steps. Source: Antoniou et al., ICLR 2019 (MAML++)."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from metainr.algorithms.inner import trajectory
from metainr.algorithms.plain import plain_inner
from metainr.checks import Range
from metainr.types import Algorithm, Parts, Work


class MamlPlusPlusOptions(NamedTuple):
    """What is annealed while it learns.

    spread_steps: outer steps until the loss after the last inner step counts alone
    first_order_steps: outer steps that leave second derivatives out, at the start
    """

    spread_steps: Annotated[int, Range(0, 10**9)] = 100
    first_order_steps: Annotated[int, Range(0, 10**9)] = 50


def maml_plus_plus(parts: Parts, options: MamlPlusPlusOptions) -> Algorithm:
    """∇_θ₀ Σ_k w_k L_query(θ_k), k = 1 … m, whose weights move to the last step.

    w_k = (1 − t)/m for k < m, and w_m is the rest of 1, where t rises from 0 to 1 in
    `spread_steps` outer steps. During `first_order_steps`, dθ_k/dθ₀ is taken as the identity. With
    both at 0 it is MAML.
    """
    make_inner = plain_inner(parts)
    inner, num_steps = make_inner(parts.hyper), parts.num_steps
    is_last = jnp.arange(num_steps) == num_steps - 1

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        path, pullback, losses = jax.vjp(
            lambda start: trajectory(inner, start, task.support, support_key, num_steps),
            meta_params,
            has_aux=True,
        )
        queries, slopes = lax.map(
            lambda at: parts.query(at[0], task.query, query_key, at[1]),
            (path, 1 + jnp.arange(num_steps)),
        )
        come = jnp.minimum(task.outer_step / max(options.spread_steps, 1), 1.0)
        come = come if options.spread_steps else 1.0
        shares = (1 - come) / num_steps + come * is_last
        weighed = jax.tree.map(lambda g: jnp.einsum("k,k...->k...", shares, g), slopes)
        gradient = lax.cond(
            jnp.asarray(task.outer_step) < options.first_order_steps,
            lambda: jax.tree.map(lambda g: g.sum(0), weighed),
            lambda: pullback(weighed)[0],
        )
        return gradient, {"loss_before": losses[0], "loss_after": queries[-1]}

    return Algorithm(parts.init, meta_gradient, Work(num_steps, num_steps, num_steps), make_inner)

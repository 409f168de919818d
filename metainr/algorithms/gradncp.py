"""MAML on few, well chosen observations. Source: Tack et al., NeurIPS 2023 (GradNCP)."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metainr.algorithms.inner import adapt, gradient_inner
from metainr.algorithms.maml import through_all_steps
from metainr.algorithms.plain import plain_inner
from metainr.checks import RATE, Range
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Parts, Work

_TINY = 1e-12  # under roots and in quotients, where a norm may be 0


class GradncpOptions(NamedTuple):
    """What is pruned, and what the fit is taught to reach.

    share: γ, of the observations that an inner step keeps in training
    target_steps: steps with all observations that the target is ahead of the fit
    target_rate: their learning rate
    target_weight: μ, of the distance to the target beside the query loss
    """

    share: Annotated[float, Range(1e-4, 1, real=True)] = 0.25
    target_steps: Annotated[int, Range(1, 10_000)] = 5
    target_rate: Annotated[float, RATE] = 5e-2
    target_weight: Annotated[float, Range(0, 1e9, real=True)] = 100.0


def gradncp(parts: Parts, options: GradncpOptions) -> Algorithm:
    """∇_θ₀ [L_query(θ_m) + μ ‖θ_b − θ_m‖], where inner steps see a share γ of the observations.

    Those with the largest gradient in the last layer are seen, chosen anew at every step
    (`metainr.numerics.pruning`). The target θ_b is constant: θ_m after further steps with all
    observations. At test time all are seen, and a step α ∇L is rescaled to the length that it
    would have with the pruned ones: α ‖∇L_pruned‖ / ‖∇L‖ ∇L. With γ = 1 and μ = 0 it is MAML.
    """
    whole, few = parts.gradient(adapted_alone), parts.pruned(options.share)(adapted_alone)
    num_steps = parts.num_steps

    def rescaled(params, held, support, key, step):
        loss, slope = whole(params, held, support, key, step)
        _, pruned = few(params, held, support, key, step)
        ratio = optax.tree.norm(pruned) / (optax.tree.norm(slope) + _TINY)
        return loss, jax.tree.map(lambda g: ratio * g, slope)

    def make_inner(hyper):
        return gradient_inner(rescaled, lambda held: parts.optimizer(hyper))

    inner = gradient_inner(few, lambda held: parts.optimizer(parts.hyper))
    ahead = plain_inner(parts)(parts.hyper._replace(learning_rate=options.target_rate))

    def outcome(params, losses, task, key):
        query_key, target_key = jax.random.split(key)
        loss, slope = parts.query(params, task.query, query_key, num_steps)
        if options.target_weight:
            target, _ = adapt(ahead, params, task.support, target_key, options.target_steps)
            apart = jax.tree.map(lambda x, y: x - y, params, target)
            size = jnp.sqrt(optax.tree.norm(apart, squared=True) + _TINY)
            pull = options.target_weight / size
            slope = jax.tree.map(lambda g, d: g + pull * d, slope, apart)
        return loss, slope

    meta_gradient = through_all_steps(parts, inner, outcome)
    ahead_steps = options.target_steps if options.target_weight else 0
    pruned_gradients = num_steps * (options.share + 1 / 3)  # all observations are evaluated
    work = Work(pruned_gradients + ahead_steps, num_steps * options.share, 1)
    per_step = 1 + options.share + 1 / 3
    return Algorithm(
        parts.init, meta_gradient, work, make_inner, fit_gradients=lambda steps: steps * per_step
    )

"""MAML by implicit gradients. Source: Rajeswaran et al., NeurIPS 2019."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metainr.algorithms.conjugate_gradients import conjugate_gradients
from metainr.algorithms.inner import adapt, gradient_inner
from metainr.checks import Range
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Parts, Work


class ImamlOptions(NamedTuple):
    """How fits are held near the init, and how the implicit gradient is solved.

    strength: λ, of the pull towards the init, in training and at test
    solver_steps: conjugate gradients per task
    """

    strength: Annotated[float, Range(1e-6, 1e6, real=True)] = 2.0
    solver_steps: Annotated[int, Range(1, 1000)] = 5


def imaml(parts: Parts, options: ImamlOptions) -> Algorithm:
    """x with (I + H/λ) x = ∇L_query(φ), H = ∇²L(φ), φ being near the minimum of L + λ/2 ‖φ − θ₀‖².

    The inner loop lowers that regularised loss, in training and at test, and nothing of it is kept
    for the outer gradient: memory does not grow with its steps. Draws are those of the first step
    throughout, so that H belongs to the loss that was lowered. Beside the losses it reports
    `solver_residual`, ‖(I + H/λ) x − ∇L_query‖ / ‖∇L_query‖, and `stationarity`,
    ‖∇L + λ (φ − θ₀)‖: the formula is exact where both are 0.
    """
    strength, num_steps = options.strength, parts.num_steps
    gradient, product = parts.gradient(adapted_alone), parts.product(adapted_alone)

    def pulled(params, start, support, key, step):
        loss, slope = gradient(params, (), support, key, step)
        return loss, jax.tree.map(lambda g, p, s: g + strength * (p - s), slope, params, start)

    def make_inner(hyper):
        inner = gradient_inner(
            pulled, lambda held: parts.optimizer(hyper), start=lambda params: (params, params)
        )

        def step(state, support, key):
            first = state._replace(step=jnp.zeros_like(state.step))
            after, info = inner.step(first, support, key)
            return after._replace(step=state.step + 1), info

        return inner._replace(step=step)

    inner = make_inner(parts.hyper)

    def meta_gradient(meta_params, task, key):
        support_key, query_key = jax.random.split(key)
        params, losses = adapt(inner, meta_params, task.support, support_key, num_steps)
        loss, wanted = parts.query(params, task.query, query_key, num_steps)
        drawn = (task.support, jax.random.fold_in(support_key, 0), 0)

        def curved(direction):
            (slope, _), (found, _) = product(params, (), *drawn, direction)
            return slope, jax.tree.map(lambda v, hv: v + hv / strength, direction, found)

        found, residual = conjugate_gradients(lambda v: curved(v)[1], wanted, options.solver_steps)
        slope, _ = curved(found)
        left = jax.tree.map(lambda g, p, s: g + strength * (p - s), slope, params, meta_params)
        return found, {
            "loss_before": losses[0],
            "loss_after": loss,
            "solver_residual": optax.tree.norm(residual) / optax.tree.norm(wanted),
            "stationarity": optax.tree.norm(left),
        }

    return Algorithm(
        parts.init, meta_gradient, Work(num_steps, options.solver_steps + 1, 1), make_inner
    )

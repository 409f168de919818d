"""Loops whose first step is a choice that needs the signal, in place of a gradient step."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from metainr.types import Adapted, Array, Inner, InnerState, Key, Support


def with_first_step(
    inner: Inner,
    choose: Callable[[InnerState, Support, Key], tuple[Array, Adapted]],
) -> Inner:
    """The loop, but for its step 0.

    `choose`: (state, support, key) -> (the loss before that step, what is adapted after it).
    """

    def first(state, support, key):
        loss, adapted = choose(state, support, key)
        return state._replace(adapted=adapted, step=state.step + 1), {"loss": loss}

    def later(state, support, key):
        state, info = inner.step(state, support, key)
        return state, {"loss": info["loss"]}

    def step(state, support, key):
        return lax.cond(jnp.equal(state.step, 0), first, later, state, support, key)

    return inner._replace(step=step)


def with_first_cost(evaluations: int) -> Callable[[int], float]:
    """Gradients that steps take whose first only evaluates the objective, so many times."""
    return lambda steps: max(steps - 1, 0) + min(steps, 1) * evaluations / 3

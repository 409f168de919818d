"""The inner loop: gradient descent on one task by any optax optimizer."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from metainr.numerics.gradients import Gradient
from metainr.types import Array, Inner, Key, MetaParams, Params, Support


class InnerState(NamedTuple):
    """The weights as they stand, the optimizer's state, and the number of steps taken."""

    params: Params
    opt_state: optax.OptState
    step: Array


def gradient_inner(gradient: Gradient, optimizer: optax.GradientTransformation) -> Inner:
    """θ_{k+1} = θ_k + update(∇L(θ_k)), from θ_0 = the meta-parameters.

    Args:
        gradient: of the objective (`metainr.numerics.objective_gradient`).
        optimizer: any optax optimizer; differentiable if an algorithm differentiates through it.
    """

    def init(params):
        return InnerState(params, optimizer.init(params), jnp.zeros((), jnp.int32))

    @jax.checkpoint  # its inputs are kept for a backward pass, not what it computes on the way
    def update(slope, opt_state, params):
        updates, opt_state = optimizer.update(slope, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    def step(state, support, key):
        key = jax.random.fold_in(key, state.step)
        loss, slope = gradient(state.params, support, key, state.step)
        params, opt_state = update(slope, state.opt_state, state.params)
        return InnerState(params, opt_state, state.step + 1), {"loss": loss}

    return Inner(init, step, lambda state: state.params)


def adapt(
    inner: Inner, meta_params: MetaParams, support: Support, key: Key, num_steps: int
) -> tuple[Params, Array]:
    """Takes `num_steps` steps on one task: (θ_m, the losses [num_steps] before each step)."""

    def body(state, _):
        state, info = inner.step(state, support, key)
        return state, lax.stop_gradient(info["loss"])  # a report: no derivative is spent on it

    state, losses = lax.scan(body, inner.init(meta_params), length=num_steps)
    return inner.params(state), losses

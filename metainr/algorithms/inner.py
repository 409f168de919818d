"""The inner loop: gradient descent on one task by any optax optimizer."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from metainr.numerics.gradients import InnerGradient, adapted_alone
from metainr.types import (
    Adapted,
    Array,
    Held,
    Inner,
    InnerState,
    Key,
    MetaParams,
    Params,
    Support,
    Weights,
)


def gradient_inner(
    gradient: InnerGradient,
    optimizer: Callable[[Held], optax.GradientTransformation],
    start: Callable[[MetaParams], tuple[Adapted, Held]] = lambda params: (params, ()),
    weights: Weights = adapted_alone,
) -> Inner:
    """a_{k+1} = a_k + update(∂L/∂a (a_k, h)), from (a_0, h) = start(meta_params).

    Args:
        gradient: of the objective in what is adapted (`metainr.numerics.gradients.inner_gradient`).
        optimizer: held -> any optax optimizer; differentiable if an algorithm differentiates
            through it.
        start: meta_params -> (what the steps change, what they read); the field's weights alone
            are all changed.
        weights: (adapted, held) -> the field's weights, as in the gradient.
    """

    def init(meta_params):
        adapted, held = start(meta_params)
        return InnerState(adapted, held, optimizer(held).init(adapted), jnp.zeros((), jnp.int32))

    @jax.checkpoint  # its inputs are kept for a backward pass, not what it computes on the way
    def update(slope, opt_state, adapted, held):
        updates, opt_state = optimizer(held).update(slope, opt_state, adapted)
        return optax.apply_updates(adapted, updates), opt_state

    def step(state, support, key):
        adapted, held, opt_state, number = state
        key = jax.random.fold_in(key, number)
        loss, slope = gradient(adapted, held, support, key, number)
        adapted, opt_state = update(slope, opt_state, adapted, held)
        return InnerState(adapted, held, opt_state, number + 1), {"loss": loss}

    return Inner(init, step, lambda state: weights(state.adapted, state.held))


def adapt(
    inner: Inner, meta_params: MetaParams, support: Support, key: Key, num_steps: int
) -> tuple[Params, Array]:
    """Takes `num_steps` steps on one task: (θ_m, the losses [num_steps] before each step).

    >>> draw = metainr.objectives.all_points(metainr.objectives.pixel_grid((4, 4)))
    >>> squared_error = metainr.objectives.squared_error
    >>> loss = (metainr.types.Term(draw, metainr.measurements.value(), squared_error),)
    >>> hyper = metainr.types.Hyper("sgd", 1e-2)
    >>> field = metainr.fields.make("siren", width=8, out_dim=1)
    >>> parts = metainr.algorithms.make_parts(field, loss, loss, hyper, num_steps=2)
    >>> inner = metainr.algorithms.plain_inner(parts)(hyper)
    >>> support = metainr.objectives.image_samples(jnp.zeros((4, 4, 1)))
    >>> weights = field.init(jax.random.key(0))
    >>> fitted, losses = metainr.algorithms.adapt(inner, weights, support, jax.random.key(1), 2)
    >>> losses.shape
    (2,)
    """
    state, (_, losses) = _steps(inner, meta_params, support, key, num_steps, lambda state: None)
    return inner.params(state), losses


def trajectory(
    inner: Inner, meta_params: MetaParams, support: Support, key: Key, num_steps: int
) -> tuple[Params, Array]:
    """As `adapt`, but the weights after every step: stacks of θ_1 … θ_m."""
    return _steps(inner, meta_params, support, key, num_steps, inner.params)[1]


def _steps(inner, meta_params, support, key, num_steps, kept):
    """The last state; of all steps stacks of what is `kept` of the state, and the losses."""
    first = inner.init(meta_params)

    def state_of(changing):
        # What is held is no part of what the loop carries: a backward pass keeps it once.
        adapted, opt_state, number = changing
        return InnerState(adapted, first.held, opt_state, number)

    def body(changing, _):
        state, info = inner.step(state_of(changing), support, key)
        # The loss is a report: no derivative is spent on it.
        outputs = kept(state), lax.stop_gradient(info["loss"])
        return (state.adapted, state.opt_state, state.step), outputs

    changing = (first.adapted, first.opt_state, first.step)
    changing, outputs = lax.scan(body, changing, length=num_steps)
    return state_of(changing), outputs

"""Fits that begin as was learned, and are finished by another optimizer."""

from typing import Annotated, NamedTuple

import jax
import optax
from jax import lax

from metainr.algorithms.optimizers import REGISTRY, make_optimizer
from metainr.checks import RATE, Choice, Maybe, Range
from metainr.numerics.gradients import Gradient
from metainr.types import Inner

_WARM_UP = 20  # steps


class Finish(NamedTuple):
    """How fits go on after the steps that were learned.

    optimizer, learning_rate: of the steps that follow.
    after: number of learned steps; None: as many as the inner loop had in training.
    decay_steps: over so many steps the rate falls as a cosine to 0; None: it does not.
    """

    optimizer: Annotated[str, Choice(REGISTRY)] = "adam"
    learning_rate: Annotated[float, RATE] = 1e-4
    after: Annotated[int | None, Maybe(Range(0, 10**6))] = None
    decay_steps: int | None = None


def finishing(inner: Inner, gradient: Gradient, finish: Finish) -> Inner:
    """The loop whose steps from number `finish.after` on are those of another optimizer.

    Their rate rises to its full size over twenty steps: Adam's first ones, as long as the rate in
    every weight, would undo what was learned. It lowers the objective in all that the loop adapts,
    without what an algorithm adds to its own steps: learned rates, a pull towards the init,
    rescaling. Tasks side by side cost as much as both kinds of steps.

    Args:
        inner: the loop that was learned for.
        gradient: of the objective in the field's weights.
        finish: what follows, its `after` being a number.
    """
    optimizer = make_optimizer(finish.optimizer)(_rates(finish))

    def init(meta_params):
        state = inner.init(meta_params)
        return state._replace(opt_state=(state.opt_state, optimizer.init(state.adapted)))

    def params(state):
        return inner.params(state._replace(opt_state=state.opt_state[0]))

    def learned(state, support, key):
        first, second = state.opt_state
        after, info = inner.step(state._replace(opt_state=first), support, key)
        return after._replace(opt_state=(after.opt_state, second)), {"loss": info["loss"]}

    def finished(state, support, key):
        first, second = state.opt_state
        weights, pullback = jax.vjp(lambda x: params(state._replace(adapted=x)), state.adapted)
        key = jax.random.fold_in(key, state.step)
        loss, slope = gradient(weights, support, key, state.step)
        updates, second = optimizer.update(*pullback(slope), second, state.adapted)
        adapted = optax.apply_updates(state.adapted, updates)
        state = state._replace(adapted=adapted, opt_state=(first, second), step=state.step + 1)
        return state, {"loss": loss}

    def step(state, support, key):
        return lax.cond(state.step < finish.after, learned, finished, state, support, key)

    return Inner(init, step, params)


def _rates(finish):
    """Step after the handover -> learning rate."""
    rise = optax.linear_schedule(finish.learning_rate / _WARM_UP, finish.learning_rate, _WARM_UP)
    if finish.decay_steps is None:
        return rise
    fall = optax.cosine_decay_schedule(1.0, finish.decay_steps)
    return lambda step: rise(step) * fall(step)

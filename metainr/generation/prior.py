"""A diffusion prior over vectors: what it is, and how it learns.

Sources: Ho et al., NeurIPS 2020; over weights of fields, HyperDiffusion (ICCV 2023), whose network
predicts the vector itself, as here.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from metainr.checks import RATE, Range
from metainr.generation.denoiser import Denoiser
from metainr.generation.schedule import Schedule, linear_schedule
from metainr.types import Array, Key, Params


class PriorOptions(NamedTuple):
    """A prior, and how it learns.

    width, blocks: of its residual MLP
    levels: of noise
    rate: of Adam
    batch: vectors of a step
    averaging: by which the weights that are used follow those that learn
    unlabelled: share of a batch whose labels are hidden, so that it also samples without one
    jitter: standard deviation of Gaussian noise on normalised training vectors
    """

    width: Annotated[int, Range(1, 2**14)] = 512
    blocks: Annotated[int, Range(1, 64)] = 3
    levels: Annotated[int, Range(2, 10**5)] = 500
    rate: Annotated[float, RATE] = 5e-4
    batch: Annotated[int, Range(1, 2**20)] = 256
    averaging: Annotated[float, Range(0, 1, real=True)] = 0.999
    unlabelled: Annotated[float, Range(0, 1, real=True)] = 0.2
    jitter: Annotated[float, Range(0, 10, real=True)] = 0.0


_DEFAULT = PriorOptions()


Predict = Callable[[Array, Array, Array], Array]
"""`(x_t [n, d], level [n] from 0, label [n]) -> x̂ [n, d]`: the mean of vectors that became x_t."""


class PriorState(NamedTuple):
    """Weights, their running average, the optimizer's state, and the number of steps taken."""

    params: Params
    average: Params
    opt_state: Any
    step: Array


class Prior(NamedTuple):
    """What learns a distribution of normalised vectors.

    schedule: of noise.
    init: key -> state.
    advance: (state, vectors [n, d], labels [n], key, count) -> (state, mean loss), after so many
        steps; what is random in one depends on the key and its number alone.
    predict: average weights -> Predict.
    """

    schedule: Schedule
    init: Callable[[Key], PriorState]
    advance: Callable[[PriorState, Array, Array, Key, int], tuple[PriorState, Array]]
    predict: Callable[[Params], Predict]


def make_prior(size: int, classes: int = 0, options: PriorOptions = _DEFAULT) -> Prior:
    """A prior over vectors [size] of so many classes; its loss is mean ‖x̂ − x‖² / d."""
    schedule = linear_schedule(options.levels)
    network = Denoiser(size, options.width, options.blocks, classes)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(options.rate))
    kept = jnp.asarray(schedule.kept)

    def predict(params: Params) -> Predict:
        def guess(noisy, level, label):
            told = level / options.levels
            return jnp.asarray(network.apply(params, noisy, told, kept[level], label))

        return guess

    def init(key):
        none = jnp.zeros(1, jnp.int32)
        params = network.init(key, jnp.zeros((1, size)), jnp.zeros(1), jnp.ones(1), none)
        return PriorState(params, params, optimizer.init(params), jnp.zeros((), jnp.int32))

    def loss(params, vectors, labels, key):
        chosen, levels, noise, hidden, moved = jax.random.split(key, 5)
        rows = jax.random.randint(chosen, (options.batch,), 0, len(vectors))
        level = jax.random.randint(levels, (options.batch,), 0, options.levels)
        hide = jax.random.bernoulli(hidden, options.unlabelled, (options.batch,))
        clean = vectors[rows]
        clean = clean + options.jitter * jax.random.normal(moved, clean.shape)
        noisy = schedule.noised(clean, jax.random.normal(noise, clean.shape), level)
        found = predict(params)(noisy, level, jnp.where(hide, -1, labels[rows]))
        return jnp.mean(jnp.square(found - clean))

    def step(state, vectors, labels, key):
        own = jax.random.fold_in(key, state.step)
        value, slope = jax.value_and_grad(loss)(state.params, vectors, labels, own)
        updates, opt_state = optimizer.update(slope, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        # A young average would remember the start: it follows more closely at first.
        decay = jnp.minimum(options.averaging, (1 + state.step) / (10 + state.step))
        average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state.average, params)
        return PriorState(params, average, opt_state, state.step + 1), value

    def advance(state, vectors, labels, key, count):
        def body(_, carry):
            state, total = carry
            state, value = step(state, vectors, labels, key)
            return state, total + value

        state, total = lax.fori_loop(0, count, body, (state, jnp.zeros(())))
        return state, total / count

    return Prior(schedule, init, jax.jit(advance), predict)

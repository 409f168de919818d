"""A stream from its first part to its last, measured after each of them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from metainr.streams.descent import Steps
from metainr.streams.division import Division, weighted_psnr
from metainr.streams.methods import Method, State
from metainr.types import Array, Key, Params, Signal


class Course(NamedTuple):
    """What became of a signal.

    matrix: a_ij, PSNR in dB on part j after part i was learned [parts, parts].
    renders: the signal as it was known after each part [parts, *shape, c].
    psnr: of the whole in the end, in dB.
    state: what the method knows then.
    """

    matrix: Array
    renders: Array
    psnr: Array
    state: State


def run_stream(
    method: Method,
    division: Division,
    params: Params,
    signal: Signal,
    key: Key,
    how: Steps,
    watched: Array | bool = True,
) -> Course:
    """Learns the parts of a signal in their order, each once, from given weights.

    Not `watched`, all is measured after the last part alone, and counts as 0 before.
    """
    stream, measured = method.frame.learned(signal), method.frame.measured(signal)
    numbers = jnp.arange(division.num_parts)

    def look(state):
        found = lax.map(
            lambda part: method.ask(state, part, jax.tree.map(lambda x: x[part], measured.inputs)),
            numbers,
        )
        return jax.vmap(weighted_psnr)(found, measured), division.join(found, signal)

    def learn(state, number):
        state = method.learn(state, stream, number, jax.random.fold_in(key, number), how)
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(look, state))
        now = watched | (number == numbers[-1])
        return state, lax.cond(now, look, lambda state: nothing, state)

    state, (matrix, renders) = lax.scan(learn, method.start(params, stream, how), numbers)
    quality = division.quality(partial(method.ask, state), renders[-1], signal)
    return Course(matrix, renders, quality, state)


def forgetting(matrix: Array) -> np.ndarray:
    """mean_j max_{i ≥ j} (a_ij − a_nj) of PSNRs [..., n, n], in dB: what parts lost since their
    best. What they were before they came counts for nothing.

    >>> float(metainr.streams.forgetting(np.array([[30.0, 5.0], [20.0, 25.0]])))
    5.0
    """
    return (best(matrix) - np.asarray(matrix)[..., -1, :]).mean(-1)


def best(matrix: Array) -> np.ndarray:
    """max_{i ≥ j} a_ij: the highest that each part ever was [..., n]."""
    matrix = np.asarray(matrix)
    learned = np.tril(np.ones(matrix.shape[-2:], bool))
    return np.where(learned, matrix, -np.inf).max(-2)

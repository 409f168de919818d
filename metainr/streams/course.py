"""A stream from its first part to its last, measured after each of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from metainr.evaluation.metrics import psnr
from metainr.streams.descent import Steps
from metainr.streams.layout import Layout, cut, join
from metainr.streams.methods import Method, State
from metainr.types import Array, Key, Params


class Course(NamedTuple):
    """What became of a signal.

    matrix: a_ij, PSNR in dB on part j after part i was learned [parts, parts].
    renders: the signal as it was known after each part [parts, *shape, c].
    psnr: of the last of these, in dB, on all points.
    state: what the method knows in the end.
    """

    matrix: Array
    renders: Array
    psnr: Array
    state: State


def run_stream(
    method: Method, layout: Layout, params: Params, signal: Array, key: Key, how: Steps
) -> Course:
    """Learns the parts of a signal [*shape, c] in their order, each once, from given weights."""
    values = cut(jnp.asarray(signal), layout)

    def learn(state, number):
        state = method.learn(state, values, number, jax.random.fold_in(key, number), how)
        found = method.values(state)
        return state, (jax.vmap(psnr)(found, values), join(found, layout))

    start = method.start(params, values, how)
    state, (matrix, renders) = lax.scan(learn, start, jnp.arange(layout.num_parts))
    return Course(matrix, renders, psnr(renders[-1], signal), state)


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

"""The numbers that make a field one signal's: what the steps of an inner loop changed."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from metainr.runs.as_data.vectors import vectors_of
from metainr.runs.fits import make_contenders
from metainr.runs.inits import Init
from metainr.runs.options import Machine
from metainr.types import Adapted, Array, Contender, Field, Objective, Params


class Loop(NamedTuple):
    """An inner loop that is asked for what it changed: a latent, or all weights less the init's.

    contender: the init with that loop; the "weights" that its fits tell are what was adapted.
    size: how many numbers that is.
    vector: what was adapted -> how it differs from the start, float32 [size].
    params: such a vector -> the field's weights.
    """

    contender: Contender
    size: int
    vector: Callable[[Adapted], np.ndarray]
    params: Callable[[Array], Params]


def make_loop(init: Init, field: Field, objective: Objective) -> Loop:
    """The loop of what was learned on an objective."""
    contender = make_contenders({"meta": init}, field, objective, Machine())["meta"]
    found = vectors_of(contender.make_inner(contender.hyper), contender.meta_params)
    start = np.asarray(found.layout.flatten(found.start))

    def vector(adapted: Adapted) -> np.ndarray:
        return np.asarray(found.layout.flatten(adapted)) - start

    def params(vector: Array) -> Params:
        return found.params(jnp.asarray(start + vector))

    telling = contender._replace(make_inner=_telling(contender.make_inner))
    return Loop(telling, found.layout.size, vector, params)


@functools.lru_cache(maxsize=32)
def _telling(make_inner):
    """The same loop for the same one, so that what was compiled for it serves again."""
    return lambda hyper: make_inner(hyper)._replace(params=lambda state: state.adapted)

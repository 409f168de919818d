"""What a stream is to its loop and its methods: parts as observations, and what these are read by.

Signals on grids and photographs of a scene are two such divisions; what learns and remembers knows
of neither.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp

from metainr.evaluation.metrics import psnr_of_mse
from metainr.measurements import value
from metainr.numerics import Summation, map_over_chunks
from metainr.numerics.gradients import automatic_summation
from metainr.numerics.terms import features_of, rows_per_chunk
from metainr.objectives import squared_error
from metainr.types import Apply, Array, Field, Observations, Params, Signal, Term

AS_THEY_ARE = Term(lambda params, rows, key, step: rows, value(), squared_error)
"""The squared error of all rows, whose inputs are coordinates."""

Ask = Callable[[Array, Any], Array]
"""(number of a part, inputs [n, ...]) -> what is predicted there by what stands for that part."""

Predict = Callable[[Params, Any], Array]
"""(params, inputs [n, ...]) -> predictions [n, c]."""


class Frame(NamedTuple):
    """Where observations lie, in the coordinates of the whole or each in those of its part.

    learned: signal -> those that steps may see, leaves [parts, n, ...].
    measured: signal -> those that every part is measured at, leaves [parts, m, ...].
    """

    learned: Callable[[Signal], Observations]
    measured: Callable[[Signal], Observations]


class Division(NamedTuple):
    """How signals are divided into parts.

    num_parts, num_points: parts of a stream, and observations in all of them.
    term: what steps lower; its draw takes a step's observations from those that it may see.
    exact: inputs of observations -> those of the term's measurement, with nothing drawn.
    whole, own: the parts as one field sees them, and as modules do.
    join: (predictions at what is measured [parts, m, c], signal) -> the signal as it is known.
    quality: (ask, the signal as it is known, signal) -> PSNR of the whole in dB, put together of
        what stands for the parts.
    """

    num_parts: int
    num_points: int
    term: Term
    exact: Callable[[Any], Any]
    whole: Frame
    own: Frame
    join: Callable[[Array, Signal], Array]
    quality: Callable[[Ask, Array, Signal], Array]


def predictor(field: Field, division: Division, summation: Summation | None = None) -> Predict:
    """What a field says at inputs of observations, in chunks."""

    def predict(params, inputs):
        how = summation or automatic_summation(params)
        inputs = division.exact(inputs)
        size = rows_per_chunk(division.term.measurement.points(inputs), how)
        return map_over_chunks(partial(read, division.term, field.apply, params), inputs, size)

    return predict


def read(term: Term, apply: Apply, params: Params, inputs: Any) -> Array:
    """M(f_θ, p_i): what a term's measurement reads of a field at its inputs [n, ...]."""
    features = features_of(params, term, apply, term.measurement.points(inputs))
    return term.measurement.pool(features, inputs)


def weighted_psnr(found: Array, observed: Observations) -> Array:
    """PSNR in dB of predictions [n, c], each counting as much as its observation weighs."""
    errors = jnp.square(found - observed.targets).mean(-1)
    return psnr_of_mse(jnp.sum(observed.weights * errors) / jnp.sum(observed.weights))

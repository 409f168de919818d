"""Codecs small enough for tests, of networks that nobody trained."""

import functools
from typing import Any

import jax
import numpy as np

from metainr import algorithms, fields
from metainr.codec import Codec, make_codec, with_statistics
from metainr.runs.as_data.frames import unit_frame
from metainr.runs.inits import Init
from metainr.runs.learners import make_algorithm
from metainr.runs.options import LearnerOptions, Machine
from metainr.runs.run import Run
from metainr.runs.saved import learner_record
from metainr.types import Hyper

SIDE = 12
FIELD = {"width": 16, "depth": 3, "omega": 15.0, "first_omega": 15.0}
_SGD = Hyper("sgd", 0.05)


def bumps(count: int, first: int = 0) -> np.ndarray:
    """Signals [count, SIDE, SIDE, 1] in [0, 1]: round hills somewhere."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    found = []
    for number in range(first, first + count):
        row, column = np.random.default_rng(number).uniform(0.2, 0.8, 2)
        found.append(np.exp(-12 * ((rows - row) ** 2 + (columns - column) ** 2)))
    return np.array(found, np.float32)[..., None]


def untrained(
    algorithm: str, channels: int, in_dim: int = 2, inner: Hyper = _SGD, **told: Any
) -> Run:
    """A run that learned nothing: its algorithm's first meta-parameters.

    `told`: what its record says beside the field; by default that it is of pictures.
    """
    options = algorithms.REGISTRY[algorithm].options()
    if algorithm == "modulations":
        options = options._replace(latent=16)
    learner = LearnerOptions(algorithm, options, inner, 2)
    chosen = FIELD | {"in_dim": in_dim, "out_dim": channels}
    field = fields.make("siren", **chosen)
    made = make_algorithm(learner, field, (), (), Machine())
    init = Init(made.init(jax.random.key(3)), learner, learner.inner)
    told = told or {"experiment": "image_regression", "resolution": SIDE}
    shape = (SIDE, SIDE) if told["experiment"] == "image_regression" else None
    record = {**told, "field": "siren", **chosen, **learner_record(learner)}
    return Run(field, init, None, shape, record)


@functools.cache
def codec(algorithm: str) -> Codec:
    """A codec of grey bumps."""
    base = with_statistics(untrained(algorithm, 1), unit_frame((SIDE, SIDE), 1), bumps(24))
    return make_codec(base)


@functools.cache
def pictures_codec() -> Codec:
    """A codec of pictures."""
    signals = np.repeat(bumps(24), 3, -1)
    return make_codec(
        with_statistics(untrained("modulations", 3), unit_frame((SIDE, SIDE), 3), signals)
    )

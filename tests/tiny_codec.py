"""Codecs small enough for tests, of networks that nobody trained."""

import functools

import jax
import numpy as np

from metainr import algorithms, fields
from metainr.codec import Codec, make_codec, with_statistics
from metainr.runs.frames import unit_frame
from metainr.runs.inits import Init
from metainr.runs.learners import make_algorithm
from metainr.runs.options import LearnerOptions, Machine
from metainr.runs.run import Run
from metainr.runs.saved import learner_record
from metainr.types import Hyper

SIDE = 12
FIELD = {"width": 16, "depth": 3, "omega": 15.0, "first_omega": 15.0, "in_dim": 2}


def bumps(count: int, first: int = 0) -> np.ndarray:
    """Signals [count, SIDE, SIDE, 1] in [0, 1]: round hills somewhere."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    found = []
    for number in range(first, first + count):
        row, column = np.random.default_rng(number).uniform(0.2, 0.8, 2)
        found.append(np.exp(-12 * ((rows - row) ** 2 + (columns - column) ** 2)))
    return np.array(found, np.float32)[..., None]


def untrained(algorithm: str, channels: int) -> Run:
    """A run that learned nothing: its algorithm's first meta-parameters."""
    options = algorithms.REGISTRY[algorithm].options()
    if algorithm == "modulations":
        options = options._replace(latent=16)
    learner = LearnerOptions(algorithm, options, Hyper("sgd", 0.05), 2)
    field = fields.make("siren", out_dim=channels, **FIELD)
    made = make_algorithm(learner, field, (), (), Machine())
    init = Init(made.init(jax.random.key(3)), learner, learner.inner)
    record = {"experiment": "image_regression", "field": "siren", "resolution": SIDE}
    record |= FIELD | {"out_dim": channels} | learner_record(learner)
    return Run(field, init, None, (SIDE, SIDE), record)


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

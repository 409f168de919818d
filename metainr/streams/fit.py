"""The front door: `metainr.streams.fit_stream`."""

from collections.abc import Sequence

import jax
import numpy as np

from metainr.checks import SEED, Each, Range, check
from metainr.errors import UserError
from metainr.numerics import Summation
from metainr.streams.course import Course, run_stream
from metainr.streams.descent import Steps
from metainr.streams.layout import boxes, make_layout
from metainr.streams.methods import MethodOptions, make_method
from metainr.types import Field, Hyper, MakeOptimizer, Params

_STEPS = Range(0, 10**9)
_PARTS = Each(Range(1, 10**6), "(2, 2)", (1, 2, 3, 4))
_STRENGTH = Range(0, float("inf"), real=True)


def fit_stream(
    signal: np.ndarray,
    parts: Sequence[int],
    field: Field,
    params: Params,
    method: str = "modules",
    *,
    steps: int = 50,
    optimizer: str | MakeOptimizer = "adam",
    learning_rate: float = 1e-3,
    overlap: int = 0,
    buffer: int = 256,
    pull: float = 1.0,
    fisher: float = 0.0,
    seed: int = 0,
    summation: Summation | None = None,
) -> Course:
    """Fits a signal that arrives in parts, each seen once.

    Args:
        signal: values [*shape, c], of images, sounds and clips in [0, 1].
        parts: number of parts along each axis; they arrive in the order of their points.
        field: of d coordinates and c values; for modules, a small one.
        params: the init: that of every module, or of the one field.
        method: "modules", or for one field "sequential", "replay", "ewc" and "offline", which sees
            all parts from the beginning (`metainr.streams.METHODS`).
        steps, optimizer, learning_rate: of each part.
        overlap: points that neighbours share; modules are blended there.
        buffer: points that replay keeps.
        pull: strength of elastic weight consolidation.
        fisher: λ of weights 1 + λ F/F̄ of observations, F their Fisher information; 0: all are 1.
        seed: of what is random: which points replay keeps.
        summation: how sums over observations are taken; None: as suits the machine.

    Raises UserError for parts that do not cover the signal, a buffer larger than it, and numbers
    out of range.

    >>> field = metainr.fields.make("siren", width=8, depth=2)
    >>> weights = field.init(jax.random.key(0))
    >>> picture = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> course = metainr.streams.fit_stream(picture, (2, 2), field, weights, steps=3)
    >>> course.matrix.shape, float(metainr.streams.forgetting(course.matrix))
    ((4, 4), 0.0)
    """
    signal = np.asarray(signal)
    if signal.ndim < 2:
        raise UserError(
            f"signal: an array of shape {list(signal.shape)} where [*shape, c] is expected; give "
            "array[..., None] for one channel"
        )
    counts = check("parts", parts, _PARTS)
    division = boxes(make_layout(signal.shape[:-1], counts, check("overlap", overlap, _STEPS)))
    options = MethodOptions(check("buffer", buffer, Range(1, 2**30)), summation)
    made = make_method(method, field, division, options)
    how = Steps(
        Hyper(optimizer, learning_rate),
        check("steps", steps, _STEPS),
        check("fisher", fisher, _STRENGTH),
        check("pull", pull, _STRENGTH),
    )
    key = jax.random.key(check("seed", seed, SEED))

    def run(params, signal):
        return run_stream(made, division, params, signal, key, how)

    return jax.jit(run)(params, signal)

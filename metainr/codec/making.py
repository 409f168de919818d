"""Bases, made of what was learned and of training signals."""

import itertools
from collections.abc import Iterable

import numpy as np

from metainr.codec.base import Base
from metainr.codec.codec import Codec, make_codec
from metainr.codec.quantiser import Scales
from metainr.codec.statistics import Statistics, learned
from metainr.errors import UserError
from metainr.runs.as_data.frames import Frame, unit_frame
from metainr.runs.run import Run
from metainr.types import SignalClass

NUM_SIGNALS = 256
_FEWEST = 2
_EMPTY = Statistics(Scales(np.empty(0, np.float32), np.empty(0, np.float32)), np.empty(0))


def make(
    run: Run,
    signals: SignalClass | None = None,
    steps: int | None = None,
    num_signals: int = NUM_SIGNALS,
) -> Codec:
    """The codec of a run of `metainr.learn` or `metainr.load`.

    Fits training signals, whose numbers it takes the statistics of.

    Args:
        run: what was learned, on arrays.
        signals: the class it was learned on; None: as the run says.
        steps: of a fit; None: as many as it was learned for.
        num_signals: training signals to fit, or as many as there are.

    Raises:
        UserError: the run is not of arrays, or there are no training signals.

    >>> codec = metainr.codec.make(run, num_signals=8)  # of `learn`
    >>> data = codec.encode(np.full((12, 12, 1), 0.5), bits=6)
    >>> codec.decode(data, shape=(24, 24)).shape
    (24, 24, 1)
    """
    if run.shape is None or run.problem is None:
        raise UserError("run: it was not learned on arrays, so that it says no shape of signals")
    source = run.problem.signals if signals is None else signals
    count = min(num_signals, source.sizes["train"])
    if count < _FEWEST:
        raise UserError(
            f"signals: {count} training signals, and statistics need {_FEWEST}; give signals= the "
            "class that the run was learned on"
        )
    training = (source.get("train", index) for index in range(count))
    first = next(training)
    frame = unit_frame(run.shape, first.shape[-1])
    return make_codec(with_statistics(run, frame, itertools.chain([first], training), steps))


def with_statistics(
    run: Run, frame: Frame, signals: Iterable[np.ndarray], steps: int | None = None
) -> Base:
    """The base of what was learned, with the statistics of fits of training signals.

    Signals whose fit diverged are left out. Raises UserError if fewer than two are left.
    """
    steps = run.init.learner.inner_steps if steps is None else steps
    codec = make_codec(Base(run.field, run.init, frame, steps, _EMPTY, run.record))
    numbered = enumerate(codec.checked(signal) for signal in signals)
    vectors = [row for _, rows in codec.fits(numbered, steps) for row in rows]
    vectors = np.array([row for row in vectors if np.isfinite(row).all()])
    if len(vectors) < _FEWEST:
        raise UserError(
            f"fits of {len(vectors)} training signals are finite, and statistics need {_FEWEST}; "
            "take fewer steps, or more signals"
        )
    return codec.base._replace(statistics=learned(vectors))

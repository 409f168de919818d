"""Fits that died: wherever they began, they end at one and the same output."""

from collections.abc import Mapping

import numpy as np
from absl import logging

from metainr.evaluation.courses import name_of
from metainr.evaluation.fitting import Fits
from metainr.reporting.measures import measure
from metainr.types import Contender

_DIGITS = 1e-6


def warn_of_dead(
    fits: Mapping[str, Fits], contenders: Mapping[str, Contender], metric: str
) -> None:
    """Warns of inits from which fits end alike on every signal, to six digits.

    A field whose hidden units are all stuck, as too large a rate leaves them, is a constant. Its
    last bias still learns: the same, wherever it began.

    Args:
        fits: by the init they are from.
        contenders: the inits with the rates of their loops.
        metric: that tells the fits apart.
    """
    starts = {name: name_of(contenders[name].meta_params) for name in fits}
    ends = {name: found.metrics[metric][:, -1] for name, found in fits.items()}
    dead = [
        name
        for name in fits
        if any(starts[other] != starts[name] and _alike(ends[other], ends[name]) for other in fits)
    ]
    if dead:
        rates = (contenders[name].hyper for name in dead)
        told = (f"{n} by {h.name} {float(h.learning_rate):g}" for n, h in zip(dead, rates))
        logging.warning(
            "Fits from different inits end at the same %s to six digits (%s): their fields are "
            "dead, as too large a rate leaves them. Give a smaller baseline_learning_rate or "
            "inner_learning_rate, such as those of the program's flagfiles, or let tune find one.",
            measure(metric).name,
            ", ".join(told),
        )


def _alike(ends, others):
    return np.isfinite(ends).all() and np.allclose(ends, others, rtol=_DIGITS, atol=0)

"""Which of several inits serves a signal: the one with the least loss after a step."""

from collections.abc import Mapping, Sequence

import numpy as np

from metainr.evaluation.streaming import fit_each
from metainr.types import Contender, Key, Support


def choose(
    contenders: Mapping[str, Contender], supports: Sequence[Support], key: Key, num_steps: int = 1
) -> list[str]:
    """Of each support the name of the contender whose objective is least after so many steps.

    Nothing but the support is looked at, so that the choice can be made for any signal. Where steps
    see random observations, all contenders see the same ones. Of equal ones the first is chosen.
    """
    found = fit_each(list(contenders.values()), supports, key, num_steps + 1)
    names = [*contenders]
    losses = [[fit.metrics["loss"][num_steps] for fit in fits] for fits in found]
    return [names[int(np.argmin(np.where(np.isfinite(x), x, np.inf)))] for x in losses]

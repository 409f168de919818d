"""Summaries of fits: means with standard errors, and how long others take to catch up."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metainr.types import Hyper


class Match(NamedTuple):
    """Mean steps to match over the signals that do (None if none), and how many do not."""

    steps: float | None
    missed: int


def steps_to_match(values: np.ndarray, target: np.ndarray, steps: Sequence[int]) -> Match:
    """How many steps each signal needs to reach a target, such as a PSNR, or to exceed it.

    Args:
        values: [signals, steps], more being better.
        target: [signals], such as the learned init's PSNR after two steps.
        steps: the step counts of the columns of `values`; the first that reaches counts.
    """
    reached = values >= target[:, None]
    hit = reached.any(axis=1)
    first = np.asarray(steps)[reached.argmax(axis=1)[hit]]
    return Match(float(first.mean()) if hit.any() else None, int((~hit).sum()))


def summary(values: np.ndarray) -> dict[str, Any]:
    """Mean, standard error and single values of metrics [signals, steps], as JSON; NaN is None."""
    deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
    return {
        "mean": _plain(values.mean(axis=0)),
        "stderr": _plain(deviation / np.sqrt(len(values))),
        "per_signal": _plain(values),
    }


def entry(
    metrics: Mapping[str, np.ndarray], hyper: Hyper | None = None, is_dead: bool = False
) -> dict[str, Any]:
    """What results.json holds of an init: optimizer and rate, and its metrics [signals, steps].

    `hyper`: None for a method that takes no steps. `is_dead`: whether its fits are constants.
    """
    how = {} if hyper is None else {"optimizer": hyper.name, "learning_rate": hyper.learning_rate}
    how |= {"dead": True} if is_dead else {}
    return how | {"metrics": {name: summary(values) for name, values in metrics.items()}}


def _plain(values):
    rounded = np.round(np.asarray(values, np.float64), 6)
    found = rounded.astype(object)
    found[~np.isfinite(rounded)] = None
    return found.tolist()

"""Curves that get worse again: seen in the means of a setting, and said."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from metainr.reporting import results as reading

_LEAST = 0.02  # of all that a curve moves, below which nobody sees it turn


class Turn(NamedTuple):
    """The step at which a mean is best, its value there, and the value that it ends at."""

    step: int
    best: float
    last: float


def turns(setting: Mapping[str, Any]) -> dict[str, Turn]:
    """By init, where the metric of comparison turns: it ends worse than its best mean.

    It does so by more than the standard error there and at the end, and by 2 % of its range.
    """
    measure, found = reading.headline_measure(setting), {}
    sign = -1 if measure.lower_is_better else 1
    for init in reading.ordered_inits(setting):
        values = setting["inits"][init]["metrics"].get(measure.key)
        points = [] if values is None else list(zip(setting["steps"], *_columns(values)))
        points = [point for point in points if point[1] is not None]
        if len(points) < 3:
            continue
        step, best, error = max(points, key=lambda point: sign * point[1])
        _, last, last_error = points[-1]
        moved = max(mean for _, mean, _ in points) - min(mean for _, mean, _ in points)
        if sign * (best - last) > max(error or 0, last_error or 0, _LEAST * moved):
            found[init] = Turn(step, best, last)
    return found


def told(setting: Mapping[str, Any]) -> str:
    """The same in a sentence for each init, "" if none turns."""
    measure = reading.headline_measure(setting)
    way = "up" if measure.lower_is_better else "down"
    return " ".join(
        f"{init} turns {way}: best after step {turn.step} ({_said(measure, turn.best)}), at the "
        f"end {_said(measure, turn.last)}."
        for init, turn in turns(setting).items()
    )


def _columns(values):
    return values["mean"], values["stderr"]


def _said(measure, value):
    return f"{measure.written(value)} {measure.unit}".rstrip()

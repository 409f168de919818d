"""Figures of many lines: a metric by test-time step, or by what was spent while learning."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metainr.reporting.figures import WIDTH, new_plot


class Line(NamedTuple):
    """A line of a figure; values may be NaN, and a dashed one is a baseline."""

    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    dashed: bool = False


def step_lines(lines: Mapping[str, Line], label: str) -> Any:
    """A metric by the number of steps, from 0 on a logarithmic axis."""
    figure, axes = _plot({name: _after_one(line) for name, line in lines.items()}, (WIDTH, 4.6))
    steps = sorted({step for line in lines.values() for step in line.x})
    axes.set_xscale("log")
    axes.set_xticks([step + 1 for step in _apart(steps)], [f"{step:g}" for step in _apart(steps)])
    axes.minorticks_off()
    axes.set(xlabel="test-time step", ylabel=label)
    return figure


def plain_lines(lines: Mapping[str, Line], x_label: str, y_label: str) -> Any:
    """Lines on plain axes."""
    figure, axes = _plot(lines, (WIDTH, 4.2))
    axes.set(xlabel=x_label, ylabel=y_label)
    return figure


def palette(count: int) -> Sequence[Any]:
    """Colours of lines that are told apart; from the 21st on they come again."""
    from matplotlib import colormaps

    order = [*range(0, 20, 2), *range(1, 20, 2)]
    return [colormaps["tab20"](order[index % 20]) for index in range(count)]


def _plot(lines, size):
    figure, axes = new_plot(size)
    for (name, line), colour in zip(lines.items(), palette(len(lines))):
        style = {"linestyle": "--" if line.dashed else "-", "color": colour, "label": name}
        style |= {"marker": "o" if len(line.x) <= 30 else None, "ms": 9 if len(line.x) == 1 else 4}
        axes.plot(np.array(line.x, float), np.array(line.y, float), **style)
    figure.legend(loc="outside lower center", frameon=False, ncols=3, fontsize=9)
    return figure, axes


def _after_one(line):
    return line._replace(x=np.array(line.x) + 1)


def _apart(steps):
    """Those of many steps that can stand beside one another on the axis."""
    kept = [steps[0]]
    for step in steps[1:]:
        if (step + 1) / (kept[-1] + 1) > 1.3:
            kept.append(step)
    return kept

"""Fits that died: their fields are constants, and wherever they began, they end alike."""

from collections.abc import Iterable, Mapping

import jax
import numpy as np
from absl import logging

from metainr.evaluation.courses import name_of
from metainr.evaluation.fitting import Fits
from metainr.reporting.measures import measure
from metainr.runs.problem import Problem, Setting
from metainr.types import Contender, Hyper, Key, Signal

_DIGITS = 1e-6
_POINTS = 64
_REMEDY = (
    "their fields are dead, as too large a rate leaves them. Give a smaller baseline_learning_rate "
    "or inner_learning_rate, such as those of the program's flagfiles, or let tune find one."
)


def find_dead(
    problem: Problem,
    setting: Setting,
    fits: Mapping[str, Fits],
    contenders: Mapping[str, Contender],
    signal: Signal,
    key: Key,
) -> list[str]:
    """Warns of inits whose fits died, and returns their names.

    Args:
        problem, setting: of the fits.
        fits: by the init they are from, with views and weights.
        contenders: the inits with the rates of their loops.
        signal: one of those that were fitted, which tells where fields are asked.
    """
    alike = warn_of_dead(fits, contenders, setting.metric)
    # Views cost nothing, fields have to be compiled.
    suspects = {
        name: found
        for name, found in fits.items()
        if name not in alike and any(is_constant(view[0]) for view in found.views[:, -1])
    }
    if not suspects:
        return alike
    outputs = _outputs(problem, setting, suspects, signal, key)
    return alike + warn_of_constant(outputs, {name: contenders[name].hyper for name in suspects})


def warn_of_dead(
    fits: Mapping[str, Fits], contenders: Mapping[str, Contender], metric: str
) -> list[str]:
    """Warns of inits from which fits end alike on every signal, to six digits; returns their names.

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
        logging.warning(
            f"Fits from different inits end at the same %s to six digits (%s): {_REMEDY}",
            *(measure(metric).name, _told({name: contenders[name].hyper for name in dead})),
        )
    return dead


def warn_of_constant(
    outputs: Mapping[str, Iterable[np.ndarray]], hypers: Mapping[str, Hyper]
) -> list[str]:
    """Warns of inits of which a fit has the same values everywhere; returns their names.

    Args:
        outputs: by the init, of each fit its values [..., c] at many points.
        hypers: how they were fitted.
    """
    dead = [name for name in hypers if any(map(is_constant, outputs[name]))]
    tell_of_constant({name: hypers[name] for name in dead})
    return dead


def tell_of_constant(dead: Mapping[str, Hyper], where: str = "") -> None:
    """Warns of fits that were found constant, if there are any.

    Args:
        dead: how they were fitted, by init.
        where: of which signals, where there are many.
    """
    if dead:
        logging.warning(
            f"Fits have the same values everywhere (%s%s): {_REMEDY}",
            *(_told(dead), where and f", {where}"),
        )


def is_constant(values: np.ndarray) -> bool:
    """Whether values [..., c] are the same in each channel, to six digits."""
    points = np.asarray(values).reshape(-1, values.shape[-1])
    return bool(np.isfinite(points).all() and np.allclose(points, points[0], rtol=_DIGITS, atol=0))


def _outputs(problem, setting, fits, signal, key):
    """Values [fits, points, c] of fitted fields at some of the points where steps ask them."""

    @jax.jit
    def outputs(params, signal, key):
        task_key, draw_key = jax.random.split(key)
        support, term = setting.make_task(signal, task_key).support, setting.objective[0]
        drawn = term.draw(jax.tree.map(lambda x: x[0], params), support, draw_key, 0)
        coords = term.measurement.points(drawn.inputs)
        coords = coords.reshape(-1, coords.shape[-1])
        few = coords[:: -(-len(coords) // _POINTS)]
        return jax.vmap(lambda one: problem.field.apply(one, few))(params)

    return {name: np.asarray(outputs(found.params, signal, key)) for name, found in fits.items()}


def _told(hypers):
    return ", ".join(f"{n} by {h.name} {float(h.learning_rate):g}" for n, h in hypers.items())


def _alike(ends, others):
    return np.isfinite(ends).all() and np.allclose(ends, others, rtol=_DIGITS, atol=0)

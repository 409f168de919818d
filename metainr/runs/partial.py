"""Problems of which no signal is ever seen whole: in training, or where inits are tested."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.errors import Option, UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr_of_mse
from metainr.measurements import value
from metainr.numerics import objective_gradient
from metainr.objectives import (
    Seen,
    first_half,
    halves,
    image_samples,
    seen_points,
    squared_error,
)
from metainr.runs.problem import Problem, Setting
from metainr.runs.regression import render
from metainr.signals.partial import Places, partly_seen
from metainr.types import Array, Key, Objective, Params, Signal, SignalClass, Support, Task, Term

# Its draw is only there until it is known what is seen.
_SQUARED_ERROR = Term(seen_points(np.zeros((0, 1))), value(), squared_error)


class Shown(NamedTuple):
    """A test signal of which a part is shown: values [*shape, c], seen [*shape], 1 or 0."""

    values: Array
    seen: Array


class Grid(NamedTuple):
    """The points of signals [*shape, c]: coords [n, d], n being the shape's product.

    axes: the first so many of the shape count what is seen or not as a whole: all of them where
        that is a point, 1 where it is a frame.
    """

    coords: np.ndarray
    shape: tuple[int, ...]
    axes: int


def learned_in_part(
    problem: Problem,
    seen: SignalClass,
    inner: Objective,
    query: Objective,
    mean_support: Callable[[int], Support],
    target: Callable[[Signal], Array],
    view: Callable[[Params, Signal], Array] | None = None,
    parted: Callable[[Signal, Key], Task] = halves,
    fixed: Callable[[Signal], Task] = first_half,
    measured: Objective | None = None,
) -> Problem:
    """The problem, learned, watched and tuned on what is seen of signals; its tests stay.

    Inner steps see half of what is seen, and the outer loss scores the other half. Validation does
    so with halves that never change, and measures the mean squared error on the half that fits did
    not see, as a PSNR.

    Args:
        problem: of whole signals.
        seen: their class, of which training and validation give what is seen.
        inner, query: what steps lower and the outer loss scores: mean squared errors, which read
            what is seen.
        mean_support: number of training signals -> the support of their mean, by what is seen.
        target: what is seen -> a picture of it.
        view: (params, what is seen) -> a fit's picture like that; None: the problem's.
        parted, fixed: (what is seen, key) -> Task, and what is seen -> Task: its halves.
        measured: the error that validation measures; None: the query.
    """
    watched = problem.validation._replace(
        make_task=lambda seen, key: fixed(seen),
        objective=inner,
        score=Score(_held_out(problem, measured or query, fixed), None),
        target=target,
        metric="psnr",
    )
    watched = watched if view is None else watched._replace(view=view)
    tested = {name: s._replace(tuning=watched) for name, s in problem.settings.items()}
    return problem._replace(
        signals=seen._replace(
            get=lambda split, index: (problem.signals if split == "test" else seen).get(
                split, index
            )
        ),
        make_task=parted,
        inner=inner,
        query=query,
        mean_support=mean_support,
        settings=tested,
        validation=watched,
        coarse=None,
    )


def learned_from_points(
    problem: Problem,
    whole: SignalClass,
    places: Places,
    grid: Grid,
    inner_points: int,
    seed: int,
    observe: Callable[[Signal], Array] = jnp.asarray,
    inner: Objective = (_SQUARED_ERROR,),
    view: Callable[[Params], Array] | None = None,
    target: Callable[[np.ndarray], Array] | None = None,
) -> Problem:
    """As `learned_in_part`, of signals [*shape, c] that are seen at some points of their grid.

    Args:
        problem: of whole signals.
        whole: their class.
        places: which units of a signal are seen.
        grid: its points, and what is a unit of them.
        inner_points: how many points an inner step sees of its half; 0: all.
        seed: of what is seen.
        observe: signal -> what can be seen of it [*shape, c], such as its derivative.
        inner: what inner steps lower; the draw of its first term becomes that of what is seen, and
            that term alone is the query.
        view, target: pictures of a fit, and of what is observed [*shape, c], 0 where it is not
            seen; None: those of the problem's validation.
    """
    units = int(np.prod(grid.shape[: grid.axes])), int(np.prod(grid.shape[grid.axes :]))
    rows = np.arange(len(grid.coords), dtype=np.int32).reshape(units)

    def see(signal: np.ndarray, rng: np.random.Generator) -> Seen:
        chosen = places(rng)
        return Seen(np.asarray(observe(signal)).reshape(*units, -1)[chosen], rows[chosen])

    def picture(seen: Seen) -> Array:
        channels = seen.values.shape[-1]
        signal = np.zeros((len(grid.coords), channels), np.float32)
        signal[np.asarray(seen.places).reshape(-1)] = seen.values.reshape(-1, channels)
        return (target or problem.validation.target)(signal.reshape(*grid.shape, channels))

    some, everything = (
        inner[0]._replace(draw=seen_points(grid.coords, num)) for num in (inner_points, 0)
    )
    seen = partly_seen(whole, see, seed)
    return learned_in_part(
        problem,
        seen,
        (some, *inner[1:]),
        (everything,),
        lambda num: _mean(seen, num, len(grid.coords)),
        picture,
        None if view is None else lambda params, seen: view(params),
    )


def tested_in_part(problem: Problem, share: float, shape: tuple[int, ...], seed: int) -> Problem:
    """The problem with fits that are shown a share of a signal's points, measured at the others.

    Signals of tests are `Shown` then, and so are those of validation unless less is known of them;
    training sees what it saw.

    Args:
        problem: of signals [*shape, c] at the points of `pixel_grid`, with a mean squared error as
            objective.
        share: of the points that are shown, drawn for each signal by (seed, split, number).
        shape: of the grid.
        seed: of the draws.

    Raises UserError if no point is shown, or all are.
    """
    num = int(np.prod(shape))
    count = round(share * num)
    if not 1 <= count < num:
        raise UserError(
            Option("test_seen", share),
            f" of {num} points are {count}; give a share that shows some and leaves some",
        )

    def see(signal: np.ndarray, rng: np.random.Generator) -> Shown:
        seen = np.zeros(num, np.float32)
        seen[rng.permutation(num)[:count]] = 1
        return Shown(np.asarray(signal), seen.reshape(shape))

    def make_task(shown: Shown, key: Key) -> Task:
        samples = image_samples(jnp.asarray(shown.values), jnp.asarray(shown.seen))
        return Task(samples, samples)

    def full(params: Params, shown: Shown) -> dict[str, Array]:
        error = jnp.square(render(problem.field, params, shape) - shown.values).mean(axis=-1)
        unseen = 1 - jnp.asarray(shown.seen)
        return {"psnr": psnr_of_mse(jnp.sum(unseen * error) / jnp.sum(unseen))}

    def in_part(setting: Setting) -> Setting:
        return setting._replace(
            make_task=make_task,
            score=Score(full, None),
            view=lambda params, shown: setting.view(params, shown.values),
            target=lambda shown: setting.target(shown.values),
            caption=f"Fits see {100 * share:g} % of the pixels, and PSNR is that of the others.",
        )

    learned_whole = all(setting.tuning is None for setting in problem.settings.values())
    return problem._replace(
        signals=partly_seen(
            problem.signals, see, seed, ("validation", "test") if learned_whole else ("test",)
        ),
        settings={name: in_part(setting) for name, setting in problem.settings.items()},
        validation=in_part(problem.validation) if learned_whole else problem.validation,
    )


def _held_out(problem, query, fixed):
    """(params, what is seen) -> PSNR on the half that no step saw."""
    loss = objective_gradient(query, problem.field.apply)

    def full(params: Params, seen: Signal) -> dict[str, Array]:
        error, _ = loss(params, fixed(seen).query, jax.random.key(0), 0)
        return {"psnr": psnr_of_mse(error / (problem.value_range or 1) ** 2)}

    return full


def _mean(signals, num, num_points):
    """What is seen on average of the first training signals, where any of them is seen."""
    total, count = 0.0, np.zeros((num_points, 1), np.float32)
    for seen in (signals.get("train", index) for index in range(num)):
        places = seen.places.reshape(-1)
        values = np.zeros((num_points, seen.values.shape[-1]), np.float32)
        values[places] = seen.values.reshape(len(places), -1)
        total, count[places] = total + values, count[places] + 1
    places = np.flatnonzero(count).astype(np.int32)
    return Seen(jnp.asarray((total / np.maximum(count, 1))[places]), jnp.asarray(places))

"""Slices that nobody has seen: what training knows of each are a few projections, taken once."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.ct.ct_flags import CtOptions
from experiments.ct.ct_pictures import with_sinogram
from metainr.objectives import Sinogram, first_units, some_views, squared_error
from metainr.runs.partial import learned_in_part
from metainr.runs.problem import Problem
from metainr.signals.partial import partly_seen
from metainr.types import Array, Measurement, Params, SignalClass, Term

_POOLED = 64  # slices whose projections the mean init is fitted to
_ALL = 10**6


def learned_from_views(
    problem: Problem,
    whole: SignalClass,
    num_views: int,
    scan: Callable[[Array, Array], Array],
    slice_of: Callable[[Params], Array],
    measurement: Measurement,
    turn: float,
    own: CtOptions,
    seed: int,
) -> Problem:
    """The problem, learned from `num_views` projections of every slice; see `learned_in_part`.

    The views of a slice are evenly spaced in [0, turn), from an angle of its own on. Rates for
    fits of v views are tuned on fits of v of those, or of half where there are fewer.

    Args:
        problem: of whole slices, a setting for each of `own.views` in their order.
        whole: the class of slices [n, n, 1].
        num_views: projections of each.
        scan: (slice [n, n], angles [v]) -> projections [v, d].
        slice_of: params -> slice [n, n].
        measurement: reads projections of a field.
        turn: the angle in which views see all there is to see.
        own: the experiment's options.
        seed: of the angles.
    """
    scanned = jax.jit(scan)

    def see(image: np.ndarray, rng: np.random.Generator) -> Sinogram:
        order = rng.permutation(num_views)
        angles = ((order + rng.uniform()) * turn / num_views).astype(np.float32)
        values = np.asarray(scanned(image[..., 0], angles))
        return Sinogram(angles, values, np.ones(num_views, np.float32))

    def objective(count):
        return (Term(some_views(count), measurement, squared_error),)

    def target(sinogram):
        size = sinogram.values.shape[1]
        return with_sinogram(jnp.zeros((size, size)), jnp.asarray(sinogram.values))

    def view(params, sinogram):
        found = slice_of(params)
        return with_sinogram(found, scan(found, sinogram.angles))

    def pooled(num: int) -> Sinogram:
        parts = [seen.get("train", index) for index in range(min(num, _POOLED))]
        return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)), *parts)

    seen = partly_seen(whole, see, seed)
    views = objective(own.train_views), objective(_ALL)
    learned = partial(learned_in_part, problem, seen, *views, pooled, target, view)
    settings = {}
    for (name, setting), count in zip(problem.settings.items(), own.views, strict=True):
        shown = min(count, num_views // 2)
        tuning = learned(fixed=partial(first_units, num=shown)).validation
        settings[name] = setting._replace(tuning=tuning)
    return learned()._replace(settings=settings)

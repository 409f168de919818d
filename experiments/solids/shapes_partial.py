"""Solids that nobody has scanned all round: what training knows of each is seen from some sides."""

import jax.numpy as jnp
import numpy as np

from metainr.measurements import value
from metainr.objectives import squared_error
from metainr.objectives.surfaces import SolidSamples
from metainr.runs.partial import learned_in_part
from metainr.runs.problem import Problem
from metainr.signals import Cloud
from metainr.signals.clouds.scan import directions, seen_from
from metainr.signals.partial import partly_seen
from metainr.types import Array, Objective, Observations, SignalClass, Support, Term

_NEAR = 0.05  # standard deviation of the samples' distances


def learned_from_sides(
    problem: Problem,
    whole: SignalClass,
    num_sides: int,
    num_points: int,
    truncation: float,
    seed: int,
) -> Problem:
    """The problem, learned from what a scanner sees of every solid; see `learned_in_part`.

    Validation measures distances at points near the half of the surface that fits did not see.

    Args:
        problem: of whole solids.
        whole: their class.
        num_sides: random directions that a solid is scanned from.
        num_points: of the surface that is seen, for every solid; they repeat where there are fewer.
        truncation: at which distances are cut off, in lengths.
        seed: of directions and points.
    """

    def see(cloud: Cloud, rng: np.random.Generator) -> SolidSamples:
        sides = directions(num_sides, rng)
        is_seen = np.any([seen_from(cloud.points, cloud.normals, side) for side in sides], axis=0)
        found = rng.permutation(np.flatnonzero(is_seen))
        rows = np.resize(found, num_points)
        points, normals = cloud.points[rows], cloud.normals[rows]
        distances = (_NEAR * rng.standard_normal(num_points)).astype(np.float32)
        return SolidSamples(points, normals, points + distances[:, None] * normals, distances)

    def mean_support(num: int) -> Support:
        parts = [seen.get("train", index) for index in range(num)]
        return SolidSamples(*(jnp.asarray(np.concatenate(leaves)) for leaves in zip(*parts)))

    seen = partly_seen(whole, see, seed)
    return learned_in_part(
        problem,
        seen,
        problem.inner,
        problem.query,
        mean_support,
        problem.validation.target,
        measured=_distances(truncation),
    )


def _distances(truncation: float) -> Objective:
    """The mean squared error of distances, cut off and scaled from ± truncation to [0, 1]."""

    def draw(params, samples, key, step):
        return Observations(
            samples.coords, samples.distances[:, None], jnp.ones(len(samples.coords))
        )

    def loss(predictions: Array, targets: Array) -> Array:
        clipped = (jnp.clip(x, -truncation, truncation) for x in (predictions, targets))
        return squared_error(*clipped)

    return (Term(draw, value(), loss, scale=1 / (2 * truncation) ** 2),)

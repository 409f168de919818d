"""Signals of which only a part is ever seen: their data, its draw, and the tasks made of it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Key, Observations, Support, Task


class Seen(NamedTuple):
    """All that is known of a signal: values [u, ..., c] at rows `places` [u, ...] of shared points.

    The u units are seen or not as a whole: pixels, samples, frames. They stand in random order.
    Nothing else of the signal is kept, so that nothing else can be read.
    """

    values: Array
    places: Array


def seen_points(coords: Array, num_points: int = 0) -> Draw:
    """Draws what is seen: all of it, or `num_points` different observations of more than that.

    `coords` [n, d] are the points of the class. The support is `Seen`.
    """

    def draw(params, seen, key, step):
        places = jnp.asarray(seen.places).reshape(-1)
        values = seen.values.reshape(len(places), -1)
        if 0 < num_points < len(places):
            chosen = jax.random.choice(key, len(places), (num_points,), replace=False)
            places, values = places[chosen], values[chosen]
        return Observations(jnp.asarray(coords)[places], values, jnp.ones(len(places)))

    return draw


def halves(seen: Support, key: Key) -> Task:
    """The task of a signal of which a part is seen: half is the support, the rest the query.

    Every leaf of `seen` [u, ...] is parted alike, at random; of odd u the query has one more.
    """
    order = jax.random.permutation(key, _count(seen))
    return first_half(_rows(seen, order))


def first_half(seen: Support) -> Task:
    """The same with the halves in the order in which the units stand, which is random but fixed."""
    return first_units(seen, _count(seen) // 2)


def first_units(seen: Support, num: int) -> Task:
    """The task whose support are the first `num` units, the query being all others."""
    return Task(_rows(seen, slice(num)), _rows(seen, slice(num, None)))


def _count(seen):
    return len(jax.tree.leaves(seen)[0])


def _rows(seen, rows):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], seen)

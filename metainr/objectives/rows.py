"""A draw for signals of so many points that a shuffle of them takes as long as a step."""

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Observations


def random_rows(coords: Array, num_points: int) -> Draw:
    """Draws `num_points` observations uniformly, each on its own: one may come twice.

    `coords` [n, d] are the points of every task's `Samples`, the weights of which go with them. The
    time does not grow with n, as that of `random_points` does.
    """

    def draw(params, samples, key, step):
        rows = jax.random.randint(key, (num_points,), 0, len(coords))
        chosen = (jnp.asarray(coords), samples.values, samples.weights)
        return Observations(*(array[rows] for array in chosen))

    return draw

"""Draws for differential equations: random points of a domain, and what must hold there.

The support of a task is where its Gaussian sources lie, positions [m, 2]; together they are as
strong as one, so that all a class's sources stand for their mean.
"""

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Key, Observations

_NEAR = 0.25  # share of points drawn about a source
_REACH = 4.0  # standard deviations of a source that they are drawn from


def gaussians(places: Array, positions: Array, width: float) -> Array:
    """Mean over j of exp(−|x − p_j|² / (2 σ²)): places [n, 2], positions [m, 2] -> [n]."""
    distances = jnp.sum(jnp.square(places[:, None] - positions[None]), -1)
    return jnp.mean(jnp.exp(-distances / (2 * width**2)), -1)


def with_source(num_points: int, width: float, amplitude: float) -> Draw:
    """Draws points of [−1, 1]² where an equation with a source, L u = −f, must hold.

        f(x) = amplitude · exp(−|x − p|² / (2 σ²))

    Inputs are coordinates [n, 2], targets (−f, 0) [n, 2], of a complex u. A quarter of the points
    lies in the square of ±4 σ about a source, where that is in the domain, the others anywhere: the
    source fills so little of it that uniform points would hardly meet it. Weights make up for it.

    Args:
        num_points: n.
        width: σ.
        amplitude: of f.
    """

    def draw(params, positions, key, step):
        coords, weights = _about(positions, key, num_points, width)
        source = -amplitude * gaussians(coords, positions, width)
        return Observations(coords, jnp.stack([source, 0 * source], -1), weights)

    return draw


def in_window(num_points: int, duration: float, growth: int = 0) -> Draw:
    """Draws events (t, x, y) where an equation without a source must hold: targets 0 [n, 1].

    x and y are uniform in [−1, 1], t in [0, T · min(1, (step + 1) / growth)]: as the window grows,
    a fit carries on from what it has found of the first instants. Source: Sitzmann et al., 2020.

    Args:
        num_points: n.
        duration: T.
        growth: steps until the window is whole; 0: it is from the first.
    """

    def draw(params, positions, key, step):
        time_key, place_key = jax.random.split(key)
        end = duration * jnp.minimum(1.0, (step + 1) / max(growth, 1))
        times = end * jax.random.uniform(time_key, (num_points, 1))
        coords = jnp.concatenate([times, _uniform(place_key, (num_points, 2))], -1)
        return _observations(coords, jnp.zeros((num_points, 1)))

    return draw


def at_start(num_points: int, width: float) -> Draw:
    """Draws events (0, x, y) of a pulse let go at rest: targets (exp(−|x − p|² / (2 σ²)), 0).

    Places are drawn as in `with_source`.
    """

    def draw(params, positions, key, step):
        places, weights = _about(positions, key, num_points, width)
        pulse = gaussians(places, positions, width)
        coords = jnp.concatenate([jnp.zeros((num_points, 1)), places], -1)
        return Observations(coords, jnp.stack([pulse, 0 * pulse], -1), weights)

    return draw


def at_border(num_points: int, duration: float) -> Draw:
    """Draws events (t, x, y), t ≤ T, on the border of [−1, 1]², where u = 0: targets [n, 1]."""

    def draw(params, positions, key, step):
        time_key, along_key, side_key = jax.random.split(key, 3)
        times = duration * jax.random.uniform(time_key, (num_points, 1))
        along = _uniform(along_key, (num_points, 1))
        side = jax.random.randint(side_key, (num_points, 1), 0, 4)
        across = jnp.where(side % 2 == 0, -1.0, 1.0)
        x, y = jnp.where(side < 2, across, along), jnp.where(side < 2, along, across)
        return _observations(jnp.concatenate([times, x, y], -1), jnp.zeros((num_points, 1)))

    return draw


def _about(positions, key, num_points, width):
    """Places [n, 2] in [−1, 1]², a share of them near sources, and the weights [n] of means."""
    key, near_key = jax.random.split(key)
    num_near = int(_NEAR * num_points)
    low, high = (jnp.clip(positions + side * _REACH * width, -1, 1) for side in (-1, 1))
    middle, half = (low + high) / 2, (high - low) / 2
    anywhere = _uniform(key, (num_points - num_near, 2))
    chosen_key, offset_key = jax.random.split(near_key)
    chosen = jax.random.randint(chosen_key, (num_near,), 0, len(positions))
    near = middle[chosen] + half[chosen] * _uniform(offset_key, (num_near, 2))
    places = jnp.concatenate([anywhere, near])
    inside = jnp.all(jnp.abs(places[:, None] - middle[None]) <= half[None], -1)
    share = num_near / num_points
    density = (1 - share) / 4 + share * jnp.mean(inside / (4 * jnp.prod(half, -1))[None], -1)
    return places, 0.25 / density


def _uniform(key: Key, shape: tuple[int, ...]) -> Array:
    return jax.random.uniform(key, shape, minval=-1, maxval=1)


def _observations(coords, targets):
    return Observations(coords, targets, jnp.ones(len(coords)))

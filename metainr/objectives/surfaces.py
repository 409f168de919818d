"""Signed distance fields of solids: from an oriented cloud of their surface, or from distances."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metainr.types import Array, Draw, Observations

ON_SURFACE = 3e3
OFF_SURFACE = 1e2
NORMALS = 1e2
EIKONAL = 5e1
_SHARPNESS = 100.0
_TINY = 1e-12


class SolidSamples(NamedTuple):
    """One solid's raw data in [−1, 1]³.

    points, normals: [n, 3] of the surface; normals of length 1, outward;
    coords: [m, 3], anywhere, and their signed distances [m], negative inside.
    """

    points: Array
    normals: Array
    coords: Array
    distances: Array


def cloud_points(num_points: int) -> Draw:
    """Draws N = num_points / 2 points of the cloud, and as many uniform in [−1, 1]³.

    For `surface_loss`: targets [2N, 4] are whether a point is on the surface, and its normal.
    """
    half = max(1, num_points // 2)

    def draw(params, samples, key, step):
        which, where = jax.random.split(key)
        chosen = jax.random.randint(which, (half,), 0, len(samples.points))
        anywhere = jax.random.uniform(where, (half, 3), minval=-1.0, maxval=1.0)
        coords = jnp.concatenate([samples.points[chosen], anywhere])
        on = jnp.concatenate([jnp.ones((half, 1)), jnp.zeros((half, 1))])
        normals = jnp.concatenate([samples.normals[chosen], jnp.zeros((half, 3))])
        return Observations(coords, jnp.concatenate([on, normals], axis=1), jnp.ones(2 * half))

    return draw


def distance_points(num_points: int, truncation: float) -> Draw:
    """Draws samples with targets [num_points, 1], distances cut off at ± `truncation`."""

    def draw(params, samples, key, step):
        chosen = jax.random.randint(key, (num_points,), 0, len(samples.coords))
        targets = jnp.clip(samples.distances[chosen, None], -truncation, truncation)
        return Observations(samples.coords[chosen], targets, jnp.ones(num_points))

    return draw


def surface_loss(predictions: Array, targets: Array) -> Array:
    """What a signed distance Φ violates at points [n], in units of the weight of its value on them:

        on:         |Φ| + (1 − cos(∇Φ, n)) / 30 + | |∇Φ| − 1 | / 60
        elsewhere:  exp(−100 |Φ|) / 30 + | |∇Φ| − 1 | / 60

    Its mean over the 2N points of `cloud_points` is the published loss, weights 3000, 100, 100 and
    50, divided by 3000: so rates of plain gradient descent are of the usual size.

    Args:
        predictions: [n, 4], Φ and ∇Φ, as `metainr.measurements.value_and_gradient` gives them.
        targets: [n, 4], 1 on the surface and 0 elsewhere, and the normal, which counts on it alone.

    Source: Sitzmann et al., "Implicit neural representations with periodic activation functions",
    NeurIPS 2020, equation 6.
    """
    value, slope = predictions[:, 0], predictions[:, 1:]
    on, normal = targets[:, 0], targets[:, 1:]
    # The constant keeps the norm's derivative finite where the slope vanishes.
    steepness = jnp.sqrt(jnp.sum(jnp.square(slope), axis=1) + _TINY)
    cosine = jnp.sum(slope * normal, axis=1) / steepness
    there = ON_SURFACE * jnp.abs(value) + NORMALS * (1 - cosine)
    elsewhere = OFF_SURFACE * jnp.exp(-_SHARPNESS * jnp.abs(value))
    everywhere = EIKONAL * jnp.abs(steepness - 1)
    return (on * there + (1 - on) * elsewhere + everywhere) / ON_SURFACE

"""Streams of photographs: a scene's photographs arrive in blocks, ordered by where they were taken.

Every module is a field of the whole scene, learned from the photographs of its block.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from jax import lax

from metainr.cameras import RaySamples, Views, even_depths, pixel_rays
from metainr.errors import UserError
from metainr.objectives import squared_error, stratified
from metainr.streams.division import Division, Frame, weighted_psnr
from metainr.types import Array, Draw, Measurement, Observations, Term

_POWER = 4  # of the inverse distances by which modules are blended
_NEAREST = 2  # modules that are


class Blocks(NamedTuple):
    """Photographs of a scene in equal blocks: `Views` with leaves [parts, v, ...].

    seen: those that steps see.
    unseen: those that measure.
    """

    seen: Views
    unseen: Views


def along(poses: Array) -> np.ndarray:
    """The order of cameras [v, 3, 4] along the longest axis of their places: street by street.

    It is the places' first principal axis, towards the side where its largest coordinate grows.
    """
    places = np.asarray(poses, np.float64)[..., 3]
    axis = np.linalg.svd(places - places.mean(0), full_matrices=False)[2][0]
    axis *= np.sign(axis[np.abs(axis).argmax()])
    return np.argsort(places @ axis, kind="stable")


def around(poses: Array) -> np.ndarray:
    """The order of cameras [v, 3, 4] by azimuth in [0, 2π) about z, from x to y."""
    x, y, _ = np.asarray(poses, np.float64)[..., 3].T
    return np.argsort(np.arctan2(y, x) % (2 * np.pi), kind="stable")


def in_blocks(
    views: Views, num_parts: int, num_unseen: int, order: Callable[[Array], np.ndarray]
) -> Blocks:
    """The photographs in blocks of equal number, `num_unseen` of each spread evenly over it.

    Those that are left over, fewer than blocks and spread evenly, are left out with a warning.
    Raises UserError if there are too few.
    """
    total, least = len(views.images), num_unseen + 1
    size = total // num_parts
    if size < least:
        raise UserError(
            f"{total} photographs make no {num_parts} parts of at least {least}, {num_unseen} of "
            f"them to measure by; give fewer parts, or at least {num_parts * least} photographs"
        )
    kept = _evenly(total, num_parts * size)
    if len(kept) < total:
        logging.warning(
            "%d photographs make no %d equal parts: %d are left out",
            *(total, num_parts, total - len(kept)),
        )
    numbers = order(views.poses)[kept].reshape(num_parts, size)
    apart = _evenly(size, num_unseen)
    rest = np.setdiff1d(np.arange(size), apart)
    return Blocks(*(jax.tree.map(lambda x, i=i: x[numbers[:, i]], views) for i in (rest, apart)))


def blocks(
    num_parts: int, num_points: int, num_rays: int, ray_samples: int, measurement: Measurement
) -> Division:
    """The division of `Blocks` of photographs into these.

    Args:
        num_parts: of a stream.
        num_points: pixels of all that is seen.
        num_rays: that a step draws, each pixel being as likely as it weighs.
        ray_samples: points on each ray, at drawn depths in steps and at even ones elsewhere.
        measurement: what renders rays, `metainr.measurements.rendering`.
    """
    frame = Frame(lambda blocks: rays_of(blocks.seen), lambda blocks: rays_of(blocks.unseen))

    def exact(rays):
        return RaySamples(rays.origins, rays.directions, even_depths(rays.bounds, ray_samples))

    return Division(
        num_parts,
        num_points,
        Term(rays_by_weight(num_rays, ray_samples), measurement, squared_error),
        exact,
        frame,
        frame,
        _pictures,
        _blended_psnr,
    )


def rays_by_weight(num_rays: int, ray_samples: int) -> Draw:
    """Draws rays of observations whose inputs are `Rays`, each as likely as it weighs.

    Where rows weigh more because they stand for others, such as those of a buffer, the mean over
    what is drawn is an unbiased estimate of the weighted mean over all. Inputs are `RaySamples` at
    jittered depths.
    """

    def draw(params, rows, key, step):
        row_key, depth_key = jax.random.split(key)
        shares = rows.weights / rows.weights.sum()
        chosen = jax.random.choice(row_key, len(shares), (num_rays,), p=shares)
        origins, directions, bounds = (x[chosen] for x in rows.inputs)
        depths = stratified(bounds, ray_samples, depth_key)
        inputs = RaySamples(origins, directions, depths)
        return Observations(inputs, rows.targets[chosen], jnp.ones(num_rays))

    return draw


def rays_of(views: Views) -> Observations:
    """All pixels of photographs [..., v, h, w, 3], those outside of their windows weighing 0.

    Inputs are `Rays`; leaves are [..., v·h·w, ...], row by row of photograph after photograph.
    """
    *lead, count, height, width, _ = views.images.shape
    flat = jax.tree.map(lambda x: jnp.asarray(x).reshape(-1, *x.shape[len(lead) + 1 :]), views)
    grid = jnp.stack(jnp.mgrid[:height, :width], -1).reshape(-1, 2).astype(jnp.float32)

    def of_view(view):
        pose, inverse, bounds = view.poses, view.inverse_intrinsics, view.bounds
        offsets = grid - view.windows[None, :2]
        inside = ((offsets >= 0) & (offsets < view.windows[None, 2:])).all(-1)
        rays = pixel_rays(pose[None], inverse[None], bounds[None], grid)
        return Observations(rays, view.images.reshape(-1, 3), inside.astype(jnp.float32))

    rows = jax.vmap(of_view)(flat)
    shape = (*lead, count * height * width)
    return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[2:]), rows)


def shares_of(blocks: Blocks) -> tuple[Array, Array]:
    """(modules, their shares) [unseen photographs, 2] of each unseen photograph, block by block.

    d_k is the distance from its camera to the nearest one that block k saw. The two blocks of the
    least d have the shares d_k^−4 / (d_1^−4 + d_2^−4), the nearest one alone where it is much
    nearer: seams are soft. Source: Tancik et al., "Block-NeRF", CVPR 2022, section 4.3.2, whose
    distances are to the blocks' centres.
    """
    seen = jnp.asarray(blocks.seen.poses)[..., 3]  # [parts, v, 3]
    asked = jnp.asarray(blocks.unseen.poses)[..., 3].reshape(-1, 1, 1, 3)
    squares = jnp.square(asked - seen[None]).sum(-1).min(-1)  # [photographs, parts]
    least, modules = lax.top_k(-squares, min(_NEAREST, len(seen)))
    ratios = jnp.where(least < 0, least[:, :1] / jnp.where(least < 0, least, 1), 1.0)
    weights = ratios ** (_POWER // 2)
    return modules, weights / weights.sum(-1, keepdims=True)


def _blended_psnr(ask, known, blocks):
    """Of all unseen photographs, each rendered by the two modules whose blocks are nearest."""
    observed = rays_of(blocks.unseen)
    modules, shares = shares_of(blocks)
    rows = jax.tree.map(lambda x: x.reshape(len(modules), -1, *x.shape[2:]), observed)

    def render(photograph):
        inputs, chosen, share = photograph
        found = lax.map(lambda module: ask(module, inputs), chosen)
        return jnp.tensordot(share, found, 1)

    found = lax.map(render, (rows.inputs, modules, shares))
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)
    return weighted_psnr(found.reshape(-1, found.shape[-1]), flat)


def _pictures(found, blocks):
    """The unseen photographs [parts, v, h, w, 3] of predictions, white outside of their windows."""
    inside = rays_of(blocks.unseen).weights[..., None]
    return jnp.where(inside > 0, found, 1.0).reshape(blocks.unseen.images.shape)


def _evenly(total, num):
    """`num` of the numbers below `total`, in the middle of as many equal parts of them."""
    return ((np.arange(num) + 0.5) * total / max(num, 1)).astype(int)

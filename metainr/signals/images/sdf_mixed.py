"""Signed distance fields of several shapes with corners and holes: harder than `sdf`."""

import numpy as np

from metainr.signals.access import generated
from metainr.signals.images.options import ImageOptions
from metainr.signals.images.sdf import smooth_loop, to_image
from metainr.signals.images.signed_distance import signed_distance
from metainr.types import SignalClass

_COMPONENTS = 4
_ATTEMPTS = 30
_GAP = 0.02  # of the image's side, at least, between two components and to the border
_SIZES = (0.08, 0.4)  # radii of the components' bounding circles, likewise
_SMALLEST_HOLE = 0.04


def sdf_mixed(options: ImageOptions) -> SignalClass:
    """Images 0.5 + d, clipped to [0, 1], of one to four shapes, each perhaps with a hole.

    Shapes and holes are smooth curves, polygons or stars. d is the distance to the nearest of all
    boundaries in units of the image's side, positive outside and in holes; the channels are equal.
    """
    return generated("sdf_mixed", options, _draw)


def random_loops(rng: np.random.Generator) -> list[np.ndarray]:
    """Boundaries [k, 2] that do not touch: components apart, holes strictly within their own."""
    # Components may neither overlap nor may holes cross them: the smallest distance to any of the
    # loops is then the distance to the boundary of the whole set.
    loops = []
    for centre, size in _discs(rng, rng.integers(1, _COMPONENTS + 1)):
        outline = size * _unit_loop(rng)
        loops.append(centre + outline)
        room = 0.85 * _clearance(outline)
        if rng.random() < 0.5 and room > _SMALLEST_HOLE:
            loops.append(centre + _hole(rng, room))
    return loops


def _draw(rng, resolution):
    return to_image(signed_distance(random_loops(rng), resolution, spacing=0.1))


def _discs(rng, count):
    """Up to `count` disjoint discs (centre [2], radius) in the image; at least one."""
    discs = []
    for _ in range(_ATTEMPTS):
        size = rng.uniform(*_SIZES) / count**0.25
        centre = rng.uniform(size + _GAP, 1 - size - _GAP, 2)
        if all(np.hypot(*(centre - other)) > size + radius + _GAP for other, radius in discs):
            discs.append((centre, size))
        if len(discs) == count:
            break
    return discs


def _unit_loop(rng):
    """A smooth curve, polygon or star round the origin, its farthest corner at distance 1."""
    kind = rng.integers(3)
    if kind == 0:
        return smooth_loop(rng)
    return _polygon(rng) if kind == 1 else _star(rng)


def _polygon(rng):
    """3 to 8 corners at jittered angles and radii, in order round the origin: so it is simple."""
    corners = rng.integers(3, 9)
    # The jitter leaves all gaps below π, which keeps the origin inside.
    angle = (np.arange(corners) + rng.uniform(-0.2, 0.2, corners)) * (2 * np.pi / corners)
    return _polar(angle + rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1, corners))


def _star(rng):
    """3 to 8 rays, tips at 1 and the corners between them at one smaller radius."""
    rays = rng.integers(3, 9)
    radius = np.where(np.arange(2 * rays) % 2, rng.uniform(0.3, 0.7), 1.0)
    return _polar(np.arange(2 * rays) * (np.pi / rays) + rng.uniform(0, 2 * np.pi), radius)


def _polar(angle, radius):
    """The points (r cos φ, r sin φ) over the largest r: [k, 2]."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1) * (radius / radius.max())[:, None]


def _hole(rng, room):
    """A loop within the disc of radius `room` round the origin, off its centre."""
    size = rng.uniform(0.4, 0.9) * room
    turn = rng.uniform(0, 2 * np.pi)
    shift = rng.uniform(0, room - size) * np.array([np.cos(turn), np.sin(turn)])
    return shift + size * _unit_loop(rng)


def _clearance(loop):
    """Distance from the origin to the nearest edge of the polygon."""
    edge = np.roll(loop, -1, axis=0) - loop
    along = -np.sum(loop * edge, axis=1) / np.sum(edge * edge, axis=1)
    nearest = loop + np.clip(along, 0, 1)[:, None] * edge
    return np.hypot(*nearest.T).min()

"""Chairs of random kinds: seat, legs, back and arms, each in several styles."""

import numpy as np

from metainr.signals.objects.chair_backs import random_back
from metainr.signals.objects.parts import beam, box, grey, random_colour, rod, sphere, wood
from metainr.signals.shapes import CYLINDER
from metainr.signals.solids import Solid


def chair(rng: np.random.Generator) -> list[Solid]:
    """The parts of one chair in metres: it stands on z = 0, looks along −y, is mirrored in x = 0.

    Legs are straight, tapered, a sled's, a pedestal's or an armchair's; backs are panels, slats,
    bars, frames with a pad or, seldom, missing; about half have arms.
    """
    width, depth = rng.uniform(0.42, 0.6), rng.uniform(0.4, 0.52)
    height = rng.uniform(0.38, 0.52)
    frame = (wood, grey, random_colour)[rng.choice(3, p=[0.55, 0.25, 0.2])](rng)
    cover = frame if rng.random() < 0.35 else random_colour(rng)
    legs = ("straight", "tapered", "sled", "pedestal", "armchair")
    style = legs[rng.choice(5, p=[0.3, 0.25, 0.13, 0.17, 0.15])]
    if style == "armchair":
        return _armchair(rng, width, depth, height, frame, cover)
    is_round = rng.random() < 0.25
    parts = (_round_seat if is_round else _square_seat)(rng, width, depth, height, cover)
    if is_round:  # what else there is stands within the disc
        width, depth = 0.72 * width, 0.75 * depth
    parts += _LEGS[style](rng, width, depth, height - 0.02, frame)
    if rng.random() < 0.93:
        parts += random_back(rng, (width, depth, height), frame, cover)
    if rng.random() < 0.4:
        parts += _arms(rng, width, depth, height, frame)
    return parts


def _square_seat(rng, width, depth, height, colour):
    thick = rng.uniform(0.03, 0.08)
    parts = [box((0, 0, height), (width, depth, thick), colour)]
    if rng.random() < 0.35:
        cushion = (0.45 * width, 0.45 * depth, rng.uniform(0.03, 0.06))
        parts.append(sphere((0, 0, height + thick / 2), cushion, random_colour(rng)))
    return parts


def _round_seat(rng, width, depth, height, colour):
    thick = rng.uniform(0.03, 0.08)
    placement = np.diag([width / 2, depth / 2, thick / 2])
    return [Solid(CYLINDER, np.column_stack([placement, (0, 0, height)]), colour)]


def _feet(width, depth, spread):
    """Each corner of the seat with the foot under it, `spread` times as far from the middle."""
    for x in (-0.45 * width, 0.45 * width):
        for y in (-0.45 * depth, 0.45 * depth):
            yield (x, y), (spread * x, spread * y)


def _straight_legs(rng, width, depth, height, colour):
    thick = rng.uniform(0.03, 0.06)
    parts = [
        beam((*foot, 0), (*corner, height), (thick, thick), colour)
        for corner, foot in _feet(width, depth, rng.choice([1.0, rng.uniform(1.0, 1.1)]))
    ]
    if rng.random() < 0.4:
        z = height * rng.uniform(0.25, 0.6)
        for x in (-0.45 * width, 0.45 * width):
            ends = ((x, -0.45 * depth, z), (x, 0.45 * depth, z))
            parts.append(beam(*ends, (0.025, 0.025), colour))
        parts.append(beam((-0.45 * width, 0, z), (0.45 * width, 0, z), (0.025, 0.025), colour))
    return parts


def _tapered_legs(rng, width, depth, height, colour):
    radius, spread = rng.uniform(0.012, 0.02), rng.uniform(1.0, 1.25)
    taper = rng.uniform(1.2, 2.2)
    return [
        rod((*foot, 0), (0.85 * corner[0], 0.85 * corner[1], height), radius, colour, taper)
        for corner, foot in _feet(width, depth, spread)
    ]


def _sled_legs(rng, width, depth, height, colour):
    thick, parts = (rng.uniform(0.025, 0.04),) * 2, []
    is_cantilever = rng.random() < 0.5
    for x in (-0.46 * width, 0.46 * width):
        front, rear, low = -0.46 * depth, 0.46 * depth, thick[0] / 2
        parts.append(beam((x, front, low), (x, rear, low), thick, colour))
        parts.append(beam((x, front, 0), (x, front, height), thick, colour))
        if not is_cantilever:
            parts.append(beam((x, rear, 0), (x, rear, height), thick, colour))
    if is_cantilever:
        ends = ((-0.46 * width, 0.46 * depth, low), (0.46 * width, 0.46 * depth, low))
        parts.append(beam(*ends, thick, colour))
    return parts


def _pedestal(rng, width, depth, height, colour):
    radius = rng.uniform(0.02, 0.04)
    parts = [rod((0, 0, 0.05), (0, 0, height), radius, colour)]
    reach = 0.5 * max(width, depth) * rng.uniform(0.8, 1.05)
    if rng.random() < 0.4:
        return [*parts, rod((0, 0, 0), (0, 0, 0.06), 0.85 * reach, colour, rng.uniform(0.3, 0.9))]
    spokes = int(rng.integers(4, 6))
    for angle in 2 * np.pi / spokes * np.arange(spokes) + np.pi / 2:
        tip = (reach * np.cos(angle), reach * np.sin(angle), 0.03)
        parts.append(beam((0, 0, 0.07), tip, (0.04, 0.03), colour))
        parts.append(sphere(tip, 0.03, (0.12, 0.12, 0.12)))
    return parts


def _armchair(rng, width, depth, height, frame, cover):
    """Cushions between solid sides on short feet."""
    width, depth, low = 1.35 * width, 1.3 * depth, rng.uniform(0.04, 0.12)
    seat, side = 0.85 * height, rng.uniform(0.08, 0.14)
    top, rest = rng.uniform(0.75, 1.0), seat + rng.uniform(0.08, 0.25)
    parts = [box((0, 0, (low + seat) / 2), (width, depth, seat - low), cover)]
    parts.append(
        box((0, 0.5 * depth, (low + top) / 2), (width, 0.13, top - low), cover, rng.uniform(0, 0.2))
    )
    cushion = cover if rng.random() < 0.4 else random_colour(rng)
    parts.append(box((0, -0.03, seat + 0.03), (width - 2 * side, 0.95 * depth, 0.09), cushion))
    for x in ((side - width) / 2, (width - side) / 2):
        parts.append(box((x, 0, (low + rest) / 2), (1.02 * side, 1.02 * depth, rest - low), cover))
        if rng.random() < 0.5:
            parts.append(rod((x, -0.51 * depth, rest), (x, 0.51 * depth, rest), 0.6 * side, cover))
    feet = [(*corner, 0) for corner, _ in _feet(width, depth, 1.0)]
    return parts + [rod(foot, (*foot[:2], low), 0.02, frame, 1.5) for foot in feet]


_LEGS = {
    "straight": _straight_legs,
    "tapered": _tapered_legs,
    "sled": _sled_legs,
    "pedestal": _pedestal,
}


def _arms(rng, width, depth, height, colour):
    rise, thick = rng.uniform(0.18, 0.27), rng.uniform(0.03, 0.06)
    front = rng.uniform(-0.45, -0.2) * depth
    parts = []
    for x in (-0.5 * width, 0.5 * width):
        z = height + rise
        parts.append(beam((x, front, z), (x, 0.5 * depth, z), (thick, 0.03), colour))
        parts.append(beam((x, 0.8 * front, height), (x, front, z), (0.03, 0.03), colour))
        parts.append(beam((x, 0.42 * depth, height), (x, 0.48 * depth, z), (0.03, 0.03), colour))
    return parts

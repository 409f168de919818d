"""Lamps of random kinds: they stand on tables or floors, hang, or reach over a desk."""

import numpy as np

from metainr.signals.objects.parts import box, grey, random_colour, ring, rod, sphere, wood
from metainr.signals.solids import Solid

_BULB = (1.0, 0.93, 0.62)


def lamp(rng: np.random.Generator) -> list[Solid]:
    """The parts of one lamp, upright along z and of no particular unit of length."""
    kind = rng.choice(4, p=[0.42, 0.22, 0.2, 0.16])
    return (_table_lamp, _floor_lamp, _hanging_lamp, _desk_lamp)[kind](rng)


def _metal(rng):
    return (grey, wood, random_colour)[rng.choice(3, p=[0.4, 0.3, 0.3])](rng)


def _shade_colour(rng):
    return random_colour(rng, (0.15, 0.85), (0.6, 0.98))


def _table_lamp(rng):
    colour, height = _metal(rng), rng.uniform(0.45, 0.8)
    parts = _foot(rng, rng.uniform(0.16, 0.3), colour)
    parts += _body(rng, height, colour)
    return parts + _shade(rng, height, rng.uniform(0.25, 0.45), _shade_colour(rng))


def _floor_lamp(rng):
    colour, height = _metal(rng), rng.uniform(1.1, 1.5)
    if rng.random() < 0.35:
        reach = rng.uniform(0.2, 0.35)
        feet = 2 * np.pi / 3 * (np.arange(3) + 0.25)
        parts = [
            rod((reach * np.cos(a), reach * np.sin(a), 0), (0, 0, height), 0.025, colour)
            for a in feet
        ]
    else:
        parts = _foot(rng, rng.uniform(0.18, 0.3), colour)
        parts.append(rod((0, 0, 0), (0, 0, height), rng.uniform(0.018, 0.035), colour))
    if rng.random() < 0.3:
        parts.append(ring((0, 0, rng.uniform(0.2, 0.6)), (0, 0, 1), 0.07, 0.025, colour))
    return parts + _shade(rng, height, rng.uniform(0.22, 0.38), _shade_colour(rng))


def _foot(rng, radius, colour):
    kind, thick = rng.integers(4), rng.uniform(0.03, 0.07)
    if kind == 0:
        return [rod((0, 0, 0), (0, 0, thick), radius, colour, rng.uniform(0.6, 1))]
    if kind == 1:
        return [box((0, 0, thick / 2), (1.8 * radius, 1.8 * radius, thick), colour)]
    if kind == 2:
        return [sphere((0, 0, 0), (radius, radius, 1.8 * thick), colour)]
    parts = [ring((0, 0, 0.03), (0, 0, 1), 0.85 * radius, 0.03, colour)]
    for angle in (0.0, 2 * np.pi / 3, 4 * np.pi / 3):
        rim = (0.85 * radius * np.cos(angle), 0.85 * radius * np.sin(angle), 0.03)
        parts.append(rod(rim, (0, 0, 0.09), 0.02, colour))
    return parts


def _body(rng, height, colour):
    """A stem, mostly with something thicker round it: a vase, balls, rings, a block."""
    parts = [rod((0, 0, 0), (0, 0, height), rng.uniform(0.015, 0.03), colour)]
    other = colour if rng.random() < 0.5 else random_colour(rng)
    kind = rng.integers(6)
    if kind == 0:
        tall = 0.42 * height
        wide = rng.uniform(0.1, 0.22)
        parts.append(sphere((0, 0, tall + 0.04), (wide, wide, tall), other))
    elif kind == 1:
        count = int(rng.integers(2, 5))
        radius = 0.42 * height / count
        middles = (np.arange(count) + 0.5) * 2 * radius + 0.04
        parts += [sphere((0, 0, z), radius, other) for z in middles]
    elif kind == 2:
        lower, taper = rng.uniform(0.07, 0.16), rng.uniform(0.4, 1.8)
        parts.append(rod((0, 0, 0.03), (0, 0, 0.8 * height), lower, other, min(taper, 1)))
    elif kind == 3:
        levels = np.linspace(0.25, 0.75, int(rng.integers(1, 4))) * height
        parts += [ring((0, 0, z), (0, 0, 1), 0.06, 0.03, other) for z in levels]
    elif kind == 4:
        radius = 0.36 * height
        parts.append(ring((0, 0, 0.45 * height), (0, 1, 0), radius, 0.035, other))
    return parts


def _shade(rng, height, radius, colour):
    """What the light comes through, its lower rim below the top of the stem."""
    kind, tall = rng.integers(7), rng.uniform(0.22, 0.42)
    low, high = (0, 0, height - 0.3 * tall), (0, 0, height + 0.7 * tall)
    if kind < 3:
        return [rod(low, high, radius, colour, rng.uniform(0.35, 0.8))]
    if kind == 3:
        return [rod(low, high, 0.85 * radius, colour)]
    if kind == 4:
        ball = 0.75 * radius
        return [sphere((0, 0, height + 0.6 * ball), ball, colour)]
    if kind == 5:
        side = 1.3 * radius
        return [box((0, 0, height + 0.2 * tall), (side, side, tall), colour)]
    trim = random_colour(rng)
    taper = rng.uniform(0.5, 0.75)
    return [
        rod(low, high, radius, colour, taper),
        ring(low, (0, 0, 1), radius, 0.02, trim),
        ring(high, (0, 0, 1), taper * radius, 0.02, trim),
    ]


def _hanging_lamp(rng):
    """A rose on the ceiling, a cord and one shade, or a wheel of lights."""
    colour, drop = _metal(rng), rng.uniform(0.5, 1.0)
    parts = [
        rod((0, 0, 0), (0, 0, -0.06), rng.uniform(0.1, 0.18), colour, 0.6),
        rod((0, 0, 0), (0, 0, -drop), 0.018, colour),
    ]
    shade = _shade_colour(rng)
    if rng.random() < 0.5:
        radius = rng.uniform(0.25, 0.45)
        if rng.random() < 0.5:
            low = -drop - rng.uniform(0.2, 0.4)
            parts.append(rod((0, 0, low), (0, 0, -drop), radius, shade, rng.uniform(0.15, 0.5)))
            parts.append(sphere((0, 0, low), 0.3 * radius, _BULB))
        else:
            parts.append(sphere((0, 0, -drop - 0.7 * radius), radius * 0.8, shade))
        return parts
    radius, count = rng.uniform(0.35, 0.55), int(rng.integers(3, 7))
    parts.append(ring((0, 0, -drop), (0, 0, 1), radius, 0.03, colour))
    for angle in 2 * np.pi * np.arange(count) / count:
        place = np.array([radius * np.cos(angle), radius * np.sin(angle), -drop])
        parts.append(rod((0, 0, -0.6 * drop), place, 0.015, colour))
        parts.append(sphere(place + (0, 0, 0.06), 0.09, shade))
    return parts


def _desk_lamp(rng):
    """Two arms with a joint, in the plane x = 0, and a shade that looks down to the front."""
    colour, shade = _metal(rng), random_colour(rng)
    parts = _foot(rng, rng.uniform(0.16, 0.24), colour)
    first, second = rng.uniform(0.4, 0.6), rng.uniform(0.35, 0.55)
    back, down = rng.uniform(0.1, 0.6), rng.uniform(-0.2, 0.5)
    elbow = np.array([0, first * np.sin(back), 0.05 + first * np.cos(back)])
    head = elbow + second * np.array([0, -np.cos(down), np.sin(0.7 - down)])
    parts.append(rod((0, 0, 0.02), elbow, 0.022, colour))
    parts.append(rod(elbow, head, 0.022, colour))
    parts.append(sphere(elbow, 0.05, shade))
    mouth = head + rng.uniform(0.18, 0.3) * np.array([0, -0.6, -0.8])
    radius = rng.uniform(0.12, 0.2)
    parts.append(rod(mouth, head, radius, shade, rng.uniform(0.25, 0.6)))
    parts.append(sphere(mouth, 0.5 * radius, _BULB))
    return parts

"""Cars of random kinds: body, cabin, wheels and lights on the chassis of each kind."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from metainr.signals.objects.parts import box, grey, random_colour, rod, sphere
from metainr.signals.solids import Solid

_GLASS = (0.16, 0.2, 0.27)
_TYRE = (0.09, 0.09, 0.1)
_LAMP, _TAIL = (0.98, 0.93, 0.7), (0.75, 0.06, 0.05)


class _Kind(NamedTuple):
    """Ranges, in metres, of what tells kinds of cars apart.

    hood, boot: share of the length in front of and behind the cabin's bottom;
    front, rear: how far windscreen and rear window lean, in units of the cabin's height.
    """

    length: tuple[float, float]
    body: tuple[float, float]
    cabin: tuple[float, float]
    hood: tuple[float, float]
    boot: tuple[float, float]
    front: tuple[float, float]
    rear: tuple[float, float]


_KINDS = {
    "saloon": _Kind(
        (4.3, 4.9), (0.5, 0.6), (0.48, 0.58), (0.24, 0.3), (0.14, 0.2), (0.8, 1.3), (0.6, 1.1)
    ),
    "hatchback": _Kind(
        (3.5, 4.2), (0.55, 0.65), (0.55, 0.7), (0.2, 0.26), (0.0, 0.03), (0.6, 1.1), (0.2, 0.7)
    ),
    "coupe": _Kind(
        (4.1, 4.6), (0.45, 0.55), (0.4, 0.5), (0.3, 0.38), (0.06, 0.14), (1.1, 1.6), (1.2, 2.0)
    ),
    "estate": _Kind(
        (4.3, 5.0), (0.6, 0.8), (0.55, 0.7), (0.22, 0.27), (0.0, 0.02), (0.5, 0.9), (0.1, 0.4)
    ),
    "van": _Kind(
        (4.4, 5.2), (0.7, 0.9), (0.8, 1.1), (0.08, 0.14), (0.0, 0.0), (0.4, 0.7), (0.0, 0.08)
    ),
    "pickup": _Kind(
        (4.8, 5.3), (0.6, 0.75), (0.55, 0.7), (0.23, 0.28), (0.36, 0.42), (0.4, 0.8), (0.0, 0.2)
    ),
}
_ODDS = (0.28, 0.22, 0.15, 0.17, 0.09, 0.09)


def car(rng: np.random.Generator) -> list[Solid]:
    """The parts of one car in metres: it stands on z = 0, drives to −y, is mirrored in x = 0."""
    name = rng.choice(list(_KINDS), p=_ODDS)
    length, body, cabin, hood, boot, front, rear = (rng.uniform(*r) for r in _KINDS[name])
    width, wheel = rng.uniform(1.65, 1.95), rng.uniform(0.29, 0.38)
    low = rng.uniform(0.6, 0.85) * wheel
    paint = grey(rng, 0.15, 0.85) if rng.random() < 0.25 else random_colour(rng, (0.5, 0.95))
    top = low + body
    nose, tail = -length / 2, length / 2
    begin, end = nose + hood * length, tail - boot * length
    parts = _body(rng, length, width, low, body, begin, paint)
    parts += _cabin(rng, begin, end, width, top, cabin, front, rear, paint, name)
    parts += _wheels(rng, length, width, wheel)
    parts += _lights(rng, length, width, low, body)
    if name == "pickup":
        parts += _bed(end, tail, width, top, paint)
    return parts


def _body(rng, length, width, low, height, begin, paint):
    """The hull, a hood that falls to the front, a skirt and bumpers."""
    drop = rng.uniform(0.1, 0.28) * height
    hull = height - drop
    parts = [box((0, 0, low + hull / 2), (width, length, hull), paint)]
    rear = 0.5 * length
    front = begin - 0.25 * height
    middle = (0, (front + rear) / 2, low + hull + drop / 2)
    # Leaning back, the upper part makes the hood slope; its rear end stays within the hull's.
    parts.append(box(middle, (0.99 * width, rear - front, drop), paint))
    slope = box(
        (0, (front - length / 2) / 2, low + hull), (0.97 * width, front + length / 2, 0.04), paint
    )
    tilt = slope.placement.copy()
    tilt[2, 1] = drop / 2
    tilt[2, 3] += drop / 2 - 0.02
    parts.append(replace(slope, placement=tilt))
    dark = paint if rng.random() < 0.4 else (0.2, 0.2, 0.21)
    bumper = (0.98 * width, 0.14, 0.35 * hull)
    for y in (-length / 2, length / 2):
        parts.append(box((0, y, low + 0.2 * hull), bumper, dark))
    return parts


def _cabin(rng, begin, end, width, bottom, height, front, rear, paint, name):
    """Glass with the profile of a trapezium under a roof of the body's colour, between pillars."""
    narrow = 0.9 * width
    front, rear = front * height, rear * height
    room = end - begin - front - rear
    if room < 0.6:  # a roof is at least as long as a seat
        shrink = (end - begin - 0.6) / (front + rear)
        front, rear, room = front * shrink, rear * shrink, 0.6
    middle = bottom + height / 2
    sides = (narrow, 0.5 * room, height)
    # Two boxes that lean towards each other and one between them fill the trapezium.
    parts = [
        box((0, begin + front / 2 + 0.25 * room, middle), sides, _GLASS, front / height),
        box((0, end - rear / 2 - 0.25 * room, middle), sides, _GLASS, -rear / height),
        box((0, begin + front + room / 2, middle), (narrow, room, height), _GLASS),
    ]
    roof = (begin + front + room / 2, bottom + height)
    parts.append(box((0, *roof), (narrow * 1.02, room * 1.06, 0.07), paint))
    wide, pillar = 1.015 * narrow, 0.09
    if name == "van":
        parts.append(box((0, end - 0.3 * room, middle), (wide, 0.6 * room, height), paint))
        return parts
    parts.append(box((0, begin + front + 0.45 * room, middle), (wide, pillar, height), paint))
    for y, lean in ((begin + front / 2, front), (end - rear / 2, -rear)):
        inwards = pillar / 2 if lean > 0 else -pillar / 2
        for x in (-narrow / 2, narrow / 2):
            post = (0.08, pillar, height)
            parts.append(box((x, y + inwards, middle), post, paint, lean / height))
    if rng.random() < 0.15:
        parts.append(box((0, roof[0], roof[1] + 0.06), (0.75 * width, 0.7 * room, 0.05), _TYRE))
    return parts


def _wheels(rng, length, width, radius):
    hub = grey(rng, 0.45, 0.85)
    front, rear = -length * rng.uniform(0.3, 0.34), length * rng.uniform(0.27, 0.33)
    parts = []
    for side in (-1, 1):
        outer = side * (width / 2 + 0.02)
        for y in (front, rear):
            inner = (outer - side * 0.24, y, radius)
            parts.append(rod(inner, (outer, y, radius), radius, _TYRE))
            parts.append(rod(inner, (outer + side * 0.02, y, radius), 0.6 * radius, hub))
    return parts


def _lights(rng, length, width, low, height):
    z, x = low + rng.uniform(0.5, 0.62) * height, rng.uniform(0.34, 0.4) * width
    parts = []
    is_round = rng.random() < 0.45
    for side in (-x, x):
        centre = (side, -length / 2, z)
        if is_round:
            parts.append(sphere(centre, (0.12, 0.06, 0.12), _LAMP))
        else:
            parts.append(box(centre, (0.34, 0.07, 0.13), _LAMP))
        parts.append(box((side, length / 2, z), (0.3, 0.06, 0.15), _TAIL))
    parts.append(box((0, -length / 2, z - 0.02), (x, 0.05, 0.14), _TYRE))
    return parts


def _bed(begin, tail, width, top, paint):
    """The walls of a pickup's bed; its floor is the body's top."""
    middle, length = (begin + tail) / 2, tail - begin
    walls = [
        box((x, middle, top + 0.1), (0.1, length, 0.24), paint)
        for x in (0.05 - width / 2, width / 2 - 0.05)
    ]
    return [
        *walls,
        box((0, tail - 0.05, top + 0.1), (width, 0.1, 0.24), paint),
        box((0, middle, top), (width - 0.2, length - 0.1, 0.03), _TYRE),
    ]

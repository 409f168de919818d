"""The generated landmark's building: a portico, two wings, perhaps a dome, in metres.

The front stands in the plane y = 0 and is looked at along +y; x goes to the right and z up.
"""

from typing import NamedTuple

import numpy as np

from metainr.signals.landmarks.facade_solids import ball, box, convex, pillar
from metainr.signals.landmarks.facade_surroundings import surroundings
from metainr.signals.landmarks.facade_wall import Opening, wall
from metainr.signals.solids import Solid

RECESS = 0.6  # of windows and doors
TOWER_FRONT = 1.0  # its y
_COLUMN_SPACING, _COLUMN_RADIUS = 2.7, 0.52
_PLATFORM, _STEPS = 1.2, 5
_BAY = 3.6  # of a wing, from window to window


class Building(NamedTuple):
    """What stands there.

    solids: in any order;
    openings: of the wall, its rows of windows and the doors;
    gable: half width, foot and rise of the pediment's front;
    colours: linear colours [3] in [0, 1] by part.
    """

    solids: tuple[Solid, ...]
    openings: tuple[Opening, ...]
    gable: tuple[float, float, float]
    colours: dict[str, np.ndarray]


def building(rng: np.random.Generator) -> Building:
    """A random one: four to eight columns, wings of two or three bays, a dome or none."""
    columns, bays = 2 * rng.integers(2, 5), rng.integers(2, 4)
    column_height = rng.uniform(7.0, 8.5)
    domed = rng.random() < 0.7
    colours = _colours(rng)
    portico = (columns - 1) / 2 * _COLUMN_SPACING + 1.1
    width, top = portico + bays * _BAY + 0.4, _PLATFORM + column_height
    height = top + 0.9
    openings = _openings(portico, width, height, bays)
    gable = (portico + 0.5, top + 1.45, 0.24 * portico + 0.7)
    front = wall((-width, 0, 0), (width, 16, height), openings, RECESS, "wall")
    solids = [
        front,
        *_steps(portico),
        *_portico(columns, portico, top, gable),
        *_wings(portico, width, top),
    ]
    solids += _dome(height, min(portico, 7.0)) if domed else _attic(portico, height)
    solids += surroundings(rng, portico, width)
    return Building(tuple(solids), openings, gable, colours)


def _colours(rng):
    """Stone from grey to sand or rose, a roof of copper, slate or tiles."""
    stone = np.array([0.62, 0.56, 0.47]) + rng.uniform(-1, 1) * np.array([0.05, 0.0, -0.06])
    roofs = ([0.24, 0.42, 0.36], [0.22, 0.24, 0.28], [0.45, 0.2, 0.12])
    colours = {
        "wall": stone,
        "trim": np.minimum(1.18 * stone + 0.05, 0.85),
        "roof": roofs[rng.integers(len(roofs))],
        "steps": [0.5, 0.49, 0.47],
        "ground": np.array([0.38, 0.36, 0.33]) + rng.uniform(-0.05, 0.05),
        "bronze": [0.2, 0.17, 0.1],
        "leaves": [0.11, 0.2, 0.06],
        "trunk": [0.2, 0.14, 0.09],
        "door": [0.24, 0.1, 0.05],
        "glass": [0.07, 0.09, 0.11],
        "gold": [0.8, 0.55, 0.15],
    }
    return {part: np.array(colour, np.float32) for part, colour in colours.items()}


def _openings(portico, width, height, bays):
    """Arched windows below and square ones above in the wings, three doors in the portico."""
    low, split = _PLATFORM, 0.54 * height
    rows = [Opening(-portico + 0.6, portico - 0.6, 3, 1.0, _PLATFORM, 4.6, True)]
    rows.append(Opening(-portico + 0.6, portico - 0.6, 3, 0.8, split + 1.4, height - 2.2, False))
    for left in (-width + 0.4, portico):
        right = left + bays * _BAY
        rows.append(Opening(left, right, bays, 0.85, low + 0.4, split - 1.7, True))
        rows.append(Opening(left, right, bays, 0.75, split + 1.0, height - 1.5, False))
    return tuple(rows)


def _steps(portico):
    rise, run = _PLATFORM / _STEPS, 0.45
    return [
        box(
            (-portico - run * i, -4.2 - run * i, 0),
            (portico + run * i, 0.01, _PLATFORM - rise * i),
            "steps",
        )
        for i in range(_STEPS)
    ]


def _portico(columns, portico, top, gable):
    """Columns on bases, under capitals, an entablature and a pediment."""
    y, solids = -3.2, []
    for index in range(columns):
        x = (index - (columns - 1) / 2) * _COLUMN_SPACING
        solids.append(pillar(x, y, _COLUMN_RADIUS, _PLATFORM, top, "column"))
        for low, high in ((_PLATFORM, _PLATFORM + 0.3), (top - 0.45, top)):
            half = _COLUMN_RADIUS + 0.2
            solids.append(box((x - half, y - half, low), (x + half, y + half, high), "trim"))
    solids.append(box((-portico, y - 0.75, top), (portico, 0.01, top + 1.1), "frieze"))
    solids.append(
        box((-portico - 0.4, y - 1.2, top + 1.1), (portico + 0.4, 0.01, top + 1.45), "trim")
    )
    return [*solids, _gable(gable, front=y - 1.15, back=3.0)]


def _gable(gable, front, back):
    """A roof's end: a prism with a triangle to the front."""
    half, low, rise = gable
    slope = np.hypot(half, rise)
    normals = [[0, 0, -1], [rise / slope, 0, half / slope], [-rise / slope, 0, half / slope]]
    offset = half * (low + rise) / slope
    normals += [[0, -1, 0], [0, 1, 0]]
    reach = half + low + rise + abs(front) + back
    return convex(normals, [-low, offset, offset, -front, back], reach, "gable")


def _wings(portico, width, top):
    """Plinth, string course, cornice, parapet, and pilasters between the windows."""
    solids, split = [], 0.54 * (top + 0.9)
    for left, right in ((-width - 0.2, -portico + 0.3), (portico - 0.3, width + 0.2)):
        solids.append(box((left, -0.25, 0), (right, 0.05, 1.0), "steps"))
        solids.append(box((left, -0.25, split - 0.2), (right, 0.05, split + 0.15), "trim"))
        solids.append(box((left - 0.3, -0.6, top + 0.4), (right + 0.3, 16.3, top + 0.95), "trim"))
        solids.append(box((left, -0.1, top + 0.95), (right, 0.4, top + 1.9), "wall"))
    bays = round((width - portico - 0.4) / _BAY)
    for index in range(bays + 1):
        for side in (-1, 1):
            x = side * (portico + 0.2 + index * _BAY)
            solids.append(box((x - 0.32, -0.22, 1.0), (x + 0.32, 0.05, top + 0.4), "trim"))
    return solids


def _dome(height, radius):
    """A drum with a ring of pilasters' shade, a dome and a lantern."""
    y, radius = 8.0, 0.78 * radius
    spring = height + 3.6
    crown = spring + 0.95 * radius
    return [
        box(
            (-radius - 1, y - radius - 1, height), (radius + 1, y + radius + 1, height + 1), "wall"
        ),
        pillar(0, y, radius, height, spring, "drum"),
        pillar(0, y, radius + 0.35, spring - 0.4, spring + 0.15, "trim"),
        ball((0, y, spring), (radius, radius, 0.95 * radius), "roof"),
        pillar(0, y, 0.8, crown - 0.3, crown + 1.5, "trim"),
        ball((0, y, crown + 1.5), (0.95, 0.95, 0.9), "roof"),
        pillar(0, y, 0.1, crown + 2, crown + 4, "gold"),
        ball((0, y, crown + 3.2), (0.3, 0.3, 0.3), "gold"),
    ]


def _attic(portico, height):
    """A low storey behind the pediment, with a tower at each end."""
    solids = [box((-portico, 3.0, height), (portico, 14, height + 3.5), "wall")]
    for x in (-portico - 1.5, portico + 1.5):
        belfry = Opening(x - 1.5, x + 1.5, 1, 0.6, height + 1.7, height + 3.1, True)
        corners = (x - 1.5, TOWER_FRONT, height), (x + 1.5, 4.0, height + 4.5)
        solids.append(wall(*corners, [belfry], RECESS, "tower"))
        solids.append(box((x - 1.8, 0.7, height + 4.5), (x + 1.8, 4.3, height + 5), "trim"))
        solids.append(ball((x, 2.5, height + 5), (1.5, 1.5, 2.0), "roof"))
    return solids

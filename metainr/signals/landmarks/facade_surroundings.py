"""What lies about the generated landmark: statues, trees, the square and trees round it."""

import numpy as np

from metainr.signals.landmarks.facade_solids import HERE, ball, box, pillar
from metainr.signals.shapes import Shape, first
from metainr.signals.solids import Solid

_RING, _RING_Y = 42.0, -6.0  # radius and centre of the ring of trees


def surroundings(rng: np.random.Generator, portico: float, width: float) -> list[Solid]:
    """All of it, for a front whose portico and whole have these half widths in metres."""
    return [*_statues(portico), *_trees(rng, width), _trees_around(), _ground()]


def _statues(portico):
    """A figure on a plinth on each side of the steps."""
    solids = []
    for x in (-portico - 4, portico + 4):
        solids.append(box((x - 0.9, -7.9, 0), (x + 0.9, -6.1, 2.2), "steps"))
        for height, radius in ((2.9, (0.42, 0.38, 0.95)), (3.85, (0.36, 0.27, 0.5))):
            solids.append(ball((x, -7, height), radius, "bronze"))
        solids.append(ball((x, -7, 4.5), (0.19, 0.2, 0.25), "bronze"))
        arm = x - np.sign(x) * 0.42
        solids.append(ball((arm, -7.1, 4.3), (0.11, 0.12, 0.55), "bronze"))
    return solids


def _trees(rng, width):
    """Two on each side, their crowns of a few balls."""
    solids = []
    for side in (-1, 1):
        for distance, y in ((4.5, 2.0), (9.5, -3.0)):
            x, height = side * (width + distance), rng.uniform(5.5, 7.5)
            solids.append(pillar(x, y, 0.3, 0, height, "trunk"))
            for _ in range(3):
                shift = rng.uniform(-1.1, 1.1, 3)
                radius = rng.uniform(1.6, 2.3, 3)
                solids.append(
                    ball((x + shift[0], y + shift[1], height + shift[2]), radius, "leaves")
                )
    return solids


def _trees_around():
    """A ring of trees round the square, which all stand within: upright, with a wavy edge."""

    def meet(origins, directions, _):
        across = directions[0] ** 2 + directions[1] ** 2
        half = origins[0] * directions[0] + (origins[1] - _RING_Y) * directions[1]
        inside = _RING**2 - origins[0] ** 2 - (origins[1] - _RING_Y) ** 2
        leave = (np.sqrt(np.maximum(half**2 + across * inside, 0)) - half) / across
        points = [origins[axis] + leave * directions[axis] for axis in range(3)]
        turn = np.arctan2(points[1] - _RING_Y, points[0])
        edge = 6 + 1.2 * np.sin(13 * turn) + 0.8 * np.sin(35 * turn + 1) + 0.4 * np.sin(96 * turn)
        return first((leave, (points[2] < edge) & (points[2] > 0)))

    def facing(points, _):
        inwards = [-points[0], _RING_Y - points[1], 0 * points[2]]
        return np.stack(inwards) / np.float32(_RING)

    return Solid(Shape(meet, facing, lambda _: np.full(3, 2 * _RING)), HERE, "leaves")


def _ground():
    """The plane z = 0, seen from above."""

    def meet(origins, directions, _):
        return first((-origins[2] / directions[2], directions[2] < 0))

    def facing(points, _):
        return np.stack([0 * points[0], 0 * points[0], 1 + 0 * points[0]])

    return Solid(Shape(meet, facing, lambda _: np.full(3, 1e4)), HERE, "ground")

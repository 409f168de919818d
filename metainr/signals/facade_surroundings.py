"""What stands about the generated landmark: statues, trees and a row of trees far behind."""

import numpy as np

from metainr.signals.facade_solids import Solid, ball, box, pillar

_HEDGE = 40.0  # where the last trees stand


def surroundings(rng: np.random.Generator, portico: float, width: float) -> list[Solid]:
    """All of it, for a front whose portico and whole have these half widths in metres."""
    return [*_statues(portico), *_trees(rng, width), _hedge()]


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


def _hedge():
    """Trees far behind: an upright plane with a wavy upper edge."""

    def depth(origins, directions):
        reached = (_HEDGE - origins[1]) / directions[1]
        x = origins[0] + reached * directions[0]
        edge = 6 + 1.2 * np.sin(0.31 * x) + 0.8 * np.sin(0.83 * x + 1) + 0.4 * np.sin(2.3 * x)
        hit = (reached > 0) & (origins[2] + reached * directions[2] < edge)
        return np.where(hit, reached, np.inf)

    def normal(points):
        return np.broadcast_to(np.array([[0], [-1], [0]], np.float32), points.shape)

    return Solid(depth, normal, "leaves")

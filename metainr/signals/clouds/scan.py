"""What a scanner sees of a solid from one side."""

import numpy as np

_CELL = 0.1  # side of the cells in which only the nearest surface is seen
_DEPTH = 0.15  # how far behind its nearest point a surface reaches within a cell


def seen_from(points: np.ndarray, normals: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Which points [n, 3] of a surface in [−1, 1]³ are seen from far away in a direction [3]: [n].

    Those whose normals [n, 3] turn to it and that lie no more than 0.15 behind the nearest point
    in their cell, 0.1 wide, of the picture plane: what is thinner than that hides too little.
    """
    across = np.linalg.svd(direction[None])[2][1:]  # two directions of the picture plane
    cells = np.floor(points @ across.T / _CELL).astype(int)
    cells -= cells.min(axis=0)
    cell = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    height = points @ direction
    nearest = np.full(cell.max() + 1, -np.inf)
    np.maximum.at(nearest, cell, height)
    return (normals @ direction > 0) & (height >= nearest[cell] - _DEPTH)


def directions(num: int, rng: np.random.Generator) -> np.ndarray:
    """Random directions of length 1: [num, 3]."""
    found = rng.standard_normal((num, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)

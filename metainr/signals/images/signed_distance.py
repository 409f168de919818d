"""Exact signed distances of a pixel grid to closed polygons.

Finely sampled, a polygon stands for a smooth curve: segments of length h miss a curve of curvature
κ by κh²/8.
"""

from collections.abc import Sequence

import numpy as np


def signed_distance(loops: Sequence[np.ndarray], resolution: int, spacing: float) -> np.ndarray:
    """Distance to the boundary, positive outside: float64 [resolution, resolution].

    d(p) = ±min_s |p − s| over the points s of all loops. A pixel is inside if a ray from it crosses
    the loops an odd number of times, so that a loop within another one is a hole.

    Args:
        loops: closed polygons [k, 2] of (row, column) corners, the last one joined to the first;
            in units of the image's side, pixel (i, j) lying at (i, j) / resolution.
        resolution: pixels per side.
        spacing: of the points, in pixels, among which the nearest is looked for. The part of the
            loops nearest to a pixel touches that point, except beside a sharp corner: there the
            distance may come out too large by at most spacing / 2.
    """
    distance = unsigned_distance(loops, resolution, spacing)
    return np.where(inside(loops, resolution), -distance, distance)


def unsigned_distance(loops: Sequence[np.ndarray], resolution: int, spacing: float) -> np.ndarray:
    """Distance from each pixel to the nearest point of the loops: the absolute value of d."""
    from scipy.spatial import KDTree

    starts, before, after = _samples(loops, spacing / resolution)
    grid = np.arange(resolution) / resolution
    pixels = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    # Larger leaves than usual: these points lie so densely that a deep tree is slower.
    _, nearest = KDTree(starts, leafsize=32).query(pixels)
    offset = pixels - starts[nearest]
    squared = np.minimum(
        _squared_to_segment(offset, before[nearest]), _squared_to_segment(offset, after[nearest])
    )
    return np.sqrt(squared).reshape(resolution, resolution)


def inside(loops: Sequence[np.ndarray], resolution: int) -> np.ndarray:
    """Whether each pixel is enclosed by an odd number of loops: bool [resolution, resolution].

    Marks where every row of pixels meets the edges, and counts the marks along the row.
    """
    start = np.concatenate(loops) * resolution
    stop = np.concatenate([np.roll(loop, -1, axis=0) for loop in loops]) * resolution
    low = np.clip(np.ceil(np.minimum(start[:, 0], stop[:, 0])), 0, resolution).astype(int)
    high = np.clip(np.ceil(np.maximum(start[:, 0], stop[:, 0])), 0, resolution).astype(int)
    # An edge meets the rows low..high−1: half open, so that no corner is counted twice.
    counts = high - low
    edge = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[edge]
    slope = (stop[edge, 1] - start[edge, 1]) / (stop[edge, 0] - start[edge, 0])
    column = np.ceil(start[edge, 1] + (row - start[edge, 0]) * slope)
    column = np.clip(column, 0, resolution).astype(int)
    width = resolution + 1
    marks = np.bincount(row * width + column, minlength=resolution * width)
    return np.cumsum(marks.reshape(resolution, width), axis=1)[:, :resolution] % 2 == 1


def _samples(loops, spacing):
    """Points on the loops, with the vectors to their predecessors and successors: [n, 2] each."""
    points = [_subdivided(loop, spacing) for loop in loops]
    before = [np.roll(loop, 1, axis=0) - loop for loop in points]
    after = [np.roll(loop, -1, axis=0) - loop for loop in points]
    return np.concatenate(points), np.concatenate(before), np.concatenate(after)


def _subdivided(loop, spacing):
    """The same polygon with no edge longer than `spacing`."""
    edges = np.roll(loop, -1, axis=0) - loop
    pieces = np.maximum(1, np.ceil(np.hypot(*edges.T) / spacing)).astype(int)
    edge = np.repeat(np.arange(len(loop)), pieces)
    piece = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return loop[edge] + edges[edge] * (piece / pieces[edge])[:, None]


def _squared_to_segment(offset, vector):
    """Squared distance from the points `offset` to the segments from 0 to `vector`, [n, 2] each."""
    along = np.sum(offset * vector, axis=1) / np.sum(vector * vector, axis=1)
    gap = offset - np.clip(along, 0, 1)[:, None] * vector
    return np.sum(gap * gap, axis=1)

"""Signals of any shape as tiles of one shape: where each point of a signal lies in its tile.

Tiles are a grid without gaps, centred on the signal; what it lacks to whole tiles is padding on
all sides, at most half a point off the middle. A signal no larger than a tile is one tile.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """Some points of a signal that lie in one tile.

    tile: which one, in rows.
    places: the slices of the signal.
    positions: along each axis, where in the tile in [0, 1): float64.
    """

    tile: int
    places: tuple[slice, ...]
    positions: tuple[np.ndarray, ...]


def tile_counts(shape: Sequence[int], tile: Sequence[int]) -> tuple[int, ...]:
    """Numbers of tiles along each axis."""
    return tuple(-(-length // side) for length, side in zip(shape, tile))


def margins(shape: Sequence[int], tile: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(before, after) of the padding along each axis."""
    lacking = [n * side - length for n, side, length in zip(tile_counts(shape, tile), tile, shape)]
    return tuple((lack // 2, lack - lack // 2) for lack in lacking)


def cut(signal: np.ndarray, tile: Sequence[int], **padding: Any) -> np.ndarray:
    """The tiles of a signal, in rows: [*shape, ...] -> [tiles, *tile, ...].

    `padding` are the options of `numpy.pad`, such as `mode="edge"`; zeros if there are none.
    """
    axes = len(tile)
    shape, rest = signal.shape[:axes], signal.shape[axes:]
    whole = np.pad(signal, [*margins(shape, tile), *((0, 0) for _ in rest)], **padding)
    counts = tile_counts(shape, tile)
    split = whole.reshape(*itertools.chain(*zip(counts, tile)), *rest)
    order = (*range(0, 2 * axes, 2), *range(1, 2 * axes, 2), *range(2 * axes, split.ndim))
    return split.transpose(order).reshape(math.prod(counts), *tile, *rest)


def parts(shape: Sequence[int], tile: Sequence[int], points: Sequence[int]) -> Iterator[Part]:
    """A signal's points by tile, `points` of them along its axes: point i of m lies at i·n/m of n.

    With as many points as the signal has, they are those that were fitted.
    """
    axes = [
        _along(length, side, before, count)
        for length, side, (before, _), count in zip(shape, tile, margins(shape, tile), points)
    ]
    for index, parts_of_axes in enumerate(itertools.product(*axes)):
        places, positions = zip(*parts_of_axes)
        yield Part(index, places, positions)


def _along(length, side, before, count):
    """Of each tile along an axis, (slice of the points, positions in the tile)."""
    # In count-ths of a point, so that all is whole numbers and exact.
    places = np.arange(count) * length + before * count
    tiles = places // (side * count)
    within = (places % (side * count)) / (side * count)
    ends = np.searchsorted(tiles, np.arange(-(-length // side) + 1))
    return [(slice(a, b), within[a:b]) for a, b in itertools.pairwise(ends)]

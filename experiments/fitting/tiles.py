"""Pictures of any shape as square tiles, and back.

The tiles are a grid without gaps, centred on the picture: what it lacks to whole tiles is padding
on all sides, at most half a pixel off the middle. A picture no larger than a tile is one tile.
"""

from typing import Any, NamedTuple

import numpy as np

from metainr.codec import tiles


class Tiling(NamedTuple):
    """How a picture of `height` by `width` pixels is cut into tiles of `side` by `side`."""

    height: int
    width: int
    side: int

    @property
    def rows(self) -> int:
        """Number of tiles from top to bottom."""
        return -(-self.height // self.side)

    @property
    def columns(self) -> int:
        """Number of tiles from left to right."""
        return -(-self.width // self.side)

    @property
    def top(self) -> int:
        """Rows of padding above the picture."""
        return (self.rows * self.side - self.height) // 2

    @property
    def left(self) -> int:
        """Columns of padding left of the picture."""
        return (self.columns * self.side - self.width) // 2


def cut(picture: np.ndarray, tiling: Tiling, **padding: Any) -> np.ndarray:
    """The tiles of a picture, row by row: [h, w, ...] -> [tiles, side, side, ...].

    `padding` are the options of `numpy.pad`, such as `mode="edge"`; zeros if there are none.
    """
    return tiles.cut(picture, (tiling.side, tiling.side), **padding)


def join(squares: np.ndarray, tiling: Tiling) -> np.ndarray:
    """The inverse of `cut`, also for tiles of s times the side: they give [s·h, s·w, ...]."""
    side, rest = squares.shape[1], squares.shape[3:]
    scale = side // tiling.side
    grid = squares.reshape(tiling.rows, tiling.columns, side, side, *rest).swapaxes(1, 2)
    padded = grid.reshape(tiling.rows * side, tiling.columns * side, *rest)
    top, left = scale * tiling.top, scale * tiling.left
    return padded[top : top + scale * tiling.height, left : left + scale * tiling.width]

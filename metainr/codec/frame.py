"""What one field stands for: where its points lie, and what its values mean."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metainr.objectives import random_points
from metainr.runs.regression import objectives
from metainr.types import Objective


class Frame(NamedTuple):
    """A grid of points with values, the shape of a tile.

    shape, channels: of the signal that one field stands for.
    low, span: along an axis point i of n lies at low + span · i / n.
    least, most: the range of values, whose width is PSNR's peak.
    """

    shape: tuple[int, ...]
    channels: int
    low: tuple[float, ...]
    span: tuple[float, ...]
    least: float = 0.0
    most: float = 1.0

    def coords(self, positions: Sequence[np.ndarray]) -> np.ndarray:
        """The coordinates [n, d] of the product of positions in [0, 1) along each axis."""
        along = [low + span * places for low, span, places in zip(self.low, self.span, positions)]
        grid = np.meshgrid(*along, indexing="ij")
        return np.stack(grid, -1).reshape(-1, len(self.shape)).astype(np.float32)

    @property
    def points(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    def psnr(self, found: np.ndarray, target: np.ndarray) -> float:
        """In dB, values beyond the range counting as its ends; infinite for equal signals."""
        error = np.clip(found, self.least, self.most).astype(np.float64) - target
        with np.errstate(divide="ignore"):
            return float(-10 * np.log10(np.mean(np.square(error / (self.most - self.least)))))


def unit_frame(shape: Sequence[int], channels: int) -> Frame:
    """That of signals in [0, 1] at the points of a grid of [0, 1)^d, as pictures are."""
    axes = len(shape)
    return Frame(tuple(shape), channels, (0.0,) * axes, (1.0,) * axes)


@functools.lru_cache(maxsize=8)
def objective_of(frame: Frame) -> Objective:
    """The mean squared error at all points; the same one for the same frame, so that what was
    compiled for it serves again.
    """
    coords = frame.coords([np.arange(side) / side for side in frame.shape])
    return objectives(coords, 0, random_points)[0]

"""What one field stands for: where its points lie, and what its values mean."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.checks import Range, check
from metainr.runs.run import Run
from metainr.types import Field

TRUNCATION = 0.1
"""Of signed distances: those farther from the surface count as so far."""

_SOLID = 32  # points along each axis of a solid's box
_SIDE = Range(2, 2**24)


class Frame(NamedTuple):
    """A grid of points with values, the shape of a tile.

    shape, channels: of the signal that one field stands for.
    low, span: along an axis point i of n lies at low + span · i / n.
    least, most: the range of values, whose width is PSNR's peak.
    scale: of the mean squared error that fits lower.
    """

    shape: tuple[int, ...]
    channels: int
    low: tuple[float, ...]
    span: tuple[float, ...]
    least: float = 0.0
    most: float = 1.0
    scale: float = 1.0

    def coords(self, positions: Sequence[np.ndarray]) -> np.ndarray:
        """The coordinates [n, d] of the product of positions in [0, 1) along each axis."""
        along = [low + span * places for low, span, places in zip(self.low, self.span, positions)]
        grid = np.meshgrid(*along, indexing="ij")
        return np.stack(grid, -1).reshape(-1, len(self.shape)).astype(np.float32)

    def grid(self, shape: Sequence[int]) -> np.ndarray:
        """The coordinates [n, d] of a grid of any resolution."""
        return self.coords([np.arange(side) / side for side in shape])

    @property
    def points(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    def clipped(self, values: np.ndarray) -> np.ndarray:
        """Finite values beyond the range as its ends; others stay, so that they are seen."""
        return np.where(np.isfinite(values), np.clip(values, self.least, self.most), values)

    def psnr(self, found: np.ndarray, target: np.ndarray) -> float:
        """In dB, values beyond the range counting as its ends; infinite for equal signals."""
        error = np.clip(found, self.least, self.most).astype(np.float64) - target
        with np.errstate(divide="ignore"):
            return float(-10 * np.log10(np.mean(np.square(error / (self.most - self.least)))))


def unit_frame(shape: Sequence[int], channels: int) -> Frame:
    """That of signals in [0, 1] at the points of a grid of [0, 1)^d, as pictures are."""
    axes = len(shape)
    return Frame(tuple(shape), channels, (0.0,) * axes, (1.0,) * axes)


def frame_of(run: Run) -> Frame | None:
    """How a run's fields are laid over signals; None where that is not known, as of scenes.

    Raises OptionError if the run's record says what cannot be.
    """
    if run.shape is not None:
        return unit_frame(run.shape, channels_of(run.field, len(run.shape)))
    make = {"audio": _sound, "video": _clip, "shapes": _solid}.get(run.record.get("experiment", ""))
    return None if make is None else make(run)


def channels_of(field: Field, axes: int) -> int:
    """How many values a field of so many coordinates has."""
    params = jax.eval_shape(field.init, jax.random.key(0))
    coords = jax.ShapeDtypeStruct((1, axes), jnp.float32)
    return jax.eval_shape(field.apply, params, coords).shape[-1]


def _sound(run):
    rate, seconds = (
        check(name, run.record.get(name), Range(1e-4, 1e6, real=True))
        for name in ("sample_rate", "duration")
    )
    samples = check("duration", round(rate * seconds), _SIDE)
    # Sample i of n lies at −1 + 2 i / (n − 1).
    span = 2 * samples / (samples - 1)
    return Frame((samples,), channels_of(run.field, 1), (-1.0,), (span,), -1.0, 1.0)


def _clip(run):
    frames, side = (
        check(name, run.record.get(name), _SIDE) for name in ("clip_frames", "resolution")
    )
    # Frames lie as samples do, and pixels at their centres.
    low, span = 1 / side - 1, 2 * frames / (frames - 1)
    return Frame((frames, side, side), 3, (-1.0, low, low), (span, 2.0, 2.0))


def _solid(run):
    """Of distances in [−1, 1)³, in which solids reach to ±0.9."""
    sides, low, span = (_SOLID,) * 3, (-1.0,) * 3, (2.0,) * 3
    return Frame(sides, 1, low, span, -TRUNCATION, TRUNCATION, 1 / TRUNCATION**2)

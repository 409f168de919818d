"""Where the parts of a signal lie: equal boxes of its grid, which may overlap."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from metainr.errors import Option, UserError
from metainr.evaluation.metrics import psnr
from metainr.objectives import pixel_grid
from metainr.streams.division import AS_THEY_ARE, Division, Frame
from metainr.types import Array, Observations


class Layout(NamedTuple):
    """A grid of n_1 × … × n_d points in k_1 × … × k_d parts, numbered as its points are.

    Along an axis that is divided, a part has (n − o) / k + o points and shares o of them with the
    next one; along others it has all n.

    shape: of the grid, n.
    counts: of parts along each axis, k.
    overlap: o, points that neighbours share.
    """

    shape: tuple[int, ...]
    counts: tuple[int, ...]
    overlap: int = 0

    @property
    def num_parts(self) -> int:
        """Number of parts."""
        return int(np.prod(self.counts))

    @property
    def strides(self) -> tuple[int, ...]:
        """Points from a part's beginning to that of the next one, along each axis."""
        return tuple((n - o) // k for n, k, o in zip(self.shape, self.counts, self.shared))

    @property
    def shared(self) -> tuple[int, ...]:
        """Points that neighbours share, along each axis; 0 where there are none."""
        return tuple(self.overlap if k > 1 else 0 for k in self.counts)

    @property
    def part_shape(self) -> tuple[int, ...]:
        """Of the grid of a part."""
        return tuple(t + o for t, o in zip(self.strides, self.shared))

    @property
    def starts(self) -> np.ndarray:
        """The first point of each part: whole numbers [parts, d]."""
        numbers = itertools.product(*map(range, self.counts))
        return np.array([*numbers]) * np.array(self.strides)


def make_layout(shape: Sequence[int], counts: Sequence[int], overlap: int = 0) -> Layout:
    """The layout, if parts of one size cover the grid without a hole.

    Raises UserError for another number of axes, parts that leave points over, and overlaps that are
    no smaller than a part's own points.

    >>> metainr.streams.make_layout((64, 64), (2, 2)).part_shape
    (32, 32)
    """
    layout = Layout(tuple(map(int, shape)), tuple(map(int, counts)), int(overlap))
    given, grid = Option("parts", _listed(counts)), " × ".join(map(str, shape))
    if len(layout.shape) != len(layout.counts):
        raise UserError(
            given, f" is for {len(counts)} axes, and a signal has {grid} points; give a number each"
        )
    for n, k, o in zip(layout.shape, layout.counts, layout.shared):
        if k < 1 or (n - o) % k or n - o < k:
            shared = f", neighbours sharing {o}" if o else ""
            fitting = [m for m in range(1, n - o + 1) if (n - o) % m == 0]
            raise UserError(
                given,
                f" would leave holes or parts of other sizes: {n} points make no {k} equal parts"
                f"{shared}; give one of {', '.join(map(str, fitting[:12]))} there",
            )
    if any(o >= t for t, o in zip(layout.strides, layout.shared)):
        raise UserError(
            Option("overlap", overlap),
            f" is not below the {min(layout.strides)} points from one part to the next; give less",
        )
    return layout


def boxes(layout: Layout) -> Division:
    """The division of signals [*shape, c] into the boxes of a layout, modules seeing each of them
    in [0, 1)^d.
    """
    own = np.repeat(pixel_grid(layout.part_shape)[None], layout.num_parts, 0)

    def frame(coords):
        def rows(signal):
            values = cut(jnp.asarray(signal), layout)
            return Observations(jnp.asarray(coords), values, jnp.ones(values.shape[:2]))

        return Frame(rows, rows)

    return Division(
        layout.num_parts,
        math.prod(layout.shape),
        AS_THEY_ARE,
        lambda inputs: inputs,
        frame(whole_coords(layout)),
        frame(own),
        lambda found, signal: join(found, layout),
        lambda ask, known, signal: psnr(known, signal),
    )


def points(layout: Layout) -> np.ndarray:
    """Which points of the grid, numbered row by row, each part has: whole numbers [parts, n]."""
    numbers = np.arange(np.prod(layout.shape)).reshape(layout.shape)
    boxes = (
        tuple(slice(a, a + size) for a, size in zip(start, layout.part_shape))
        for start in layout.starts
    )
    return np.stack([numbers[box].reshape(-1) for box in boxes])


def cut(signal: Array, layout: Layout) -> Array:
    """The values of each part: [*shape, c] -> [parts, n, c]."""
    return signal.reshape(-1, signal.shape[-1])[points(layout)]


def join(values: Array, layout: Layout) -> Array:
    """The signal that parts make, blended where they overlap: [parts, n, c] -> [*shape, c].

    >>> layout = metainr.streams.make_layout((7,), (2,), overlap=1)
    >>> metainr.streams.join(metainr.streams.cut(jnp.arange(7.0)[:, None], layout), layout)[:, 0]
    Array([0., 1., 2., 3., 4., 5., 6.], dtype=float32)
    """
    places = points(layout)
    own = layout.starts[:, None] + _grid(layout.part_shape)
    shares = jnp.stack([blend(layout, part, own[part]) for part in range(layout.num_parts)])
    flat = jnp.zeros((int(np.prod(layout.shape)), values.shape[-1]), values.dtype)
    return flat.at[places].add(shares[..., None] * values).reshape(*layout.shape, -1)


def whole_coords(layout: Layout) -> np.ndarray:
    """Where the parts' points lie in the whole, in [0, 1)^d: [parts, n, d]."""
    return pixel_grid(layout.shape)[points(layout)]


def blend(layout: Layout, part: int, places: Array) -> Array:
    """The part's share [...] of the signal at places [..., d], in points of the grid.

    Along an axis it rises from 0 at the point before the part to 1 at the last that it shares, and
    falls likewise; the shares of all parts add up to 1. Without overlap it is 1 or 0.
    """
    share = jnp.ones(places.shape[:-1], jnp.float32)
    for axis, (n, size, o) in enumerate(zip(layout.shape, layout.part_shape, layout.shared)):
        start = int(layout.starts[part, axis])
        place = places[..., axis] if o else jnp.floor(places[..., axis])
        if start:
            share *= jnp.clip((place - start + 1) / (o + 1), 0, 1)
        if start + size < n:
            share *= jnp.clip((start + size - place) / (o + 1), 0, 1)
    return share


def _grid(shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, len(shape))


def _listed(counts):
    return ",".join(map(str, counts))

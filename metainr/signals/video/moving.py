"""Moving scenes: balls and boxes that bounce within the picture, before a gradient."""

from typing import NamedTuple

import numpy as np

from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.video.options import ClipOptions, checked
from metainr.types import SignalClass

_EDGE = 0.06  # width of the soft edges; the picture spans [−1, 1]²
_SIZES = (0.2, 0.4)  # radius, half the side
_SHADES = np.array([[0.25, 0.4, 0.7], [0.8, 0.75, 0.5]])  # of the ground, above and below
_TRAVEL = (0.4, 1.2)  # distance during the clip


class Shape(NamedTuple):
    """One thing that moves; positions are (y, x) in [−1, 1]², y pointing down.

    is_box: a square with sides along the axes, else a disc.
    size: radius, or half the side.
    start: centre in the first frame, at least `size` from the picture's edges.
    travel: the way to the last frame, were there no edges to bounce off.
    colour: (r, g, b) in [0, 1].
    """

    is_box: bool
    size: float
    start: tuple[float, float]
    travel: tuple[float, float]
    colour: tuple[float, float, float]


def moving(options: ClipOptions) -> SignalClass:
    """One box and one ball, in front of it, before a gradient from blue above to yellow below.

    float32 [frames, n, n, 3] in [0, 1]; edges are soft, all clips last as long, so that the same
    scene is seen finer with a larger resolution or more frames. Sizes, colours, places and
    directions are random, and so are the ground's shades. Raises UserError if the options make no
    clip.
    """
    checked(options)

    def read(split, index):
        rng = generator("moving", options.seed, split, index)
        shades = np.clip(
            [[0.25, 0.4, 0.7], [0.8, 0.75, 0.5]] + rng.uniform(-0.15, 0.15, (2, 3)), 0, 1
        )
        shapes = [_shape(rng, is_box) for is_box in (True, False)]
        return film(shapes, shades, options.frames, options.resolution)

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def centre(shape: Shape, share: np.ndarray) -> np.ndarray:
    """Where a shape is after a share [t] of the clip: (y, x) [t, 2]. It bounces off the edges."""
    room = 2 * (1 - shape.size)  # between the edges, of the centre
    way = np.asarray(shape.start) + share[:, None] * np.asarray(shape.travel) + room / 2
    return room / 2 - np.abs(np.mod(way, 2 * room) - room)


def film(shapes: list[Shape], shades: np.ndarray, frames: int, resolution: int) -> np.ndarray:
    """Draws shapes, the last one in front: float32 [frames, n, n, 3] in [0, 1].

    `shades` [2, 3]: colours of the ground at the upper and the lower edge.
    """
    axis = (2 * np.arange(resolution) + 1) / resolution - 1
    down = ((axis + 1) / 2)[:, None, None]
    ground = (1 - down) * shades[0] + down * shades[1]
    clip = np.broadcast_to(ground, (frames, resolution, resolution, 3))
    for shape in shapes:
        centres = centre(shape, np.linspace(0, 1, frames))
        y = axis[None, :, None] - centres[:, 0, None, None]
        x = axis[None, None, :] - centres[:, 1, None, None]
        distance = np.maximum(np.abs(y), np.abs(x)) if shape.is_box else np.hypot(y, x)
        inside = 1 / (1 + np.exp(np.clip((distance - shape.size) / (_EDGE / 4), -50, 50)))
        clip = clip + inside[..., None] * (np.asarray(shape.colour) - clip)
    return clip.astype(np.float32)


def _shape(rng, is_box):
    size = rng.uniform(*_SIZES)
    start = rng.uniform(-(1 - size), 1 - size, size=2)
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(*_TRAVEL)
    travel = length * np.sin(angle), length * np.cos(angle)
    # Dark and cool boxes, bright and warm balls: a class has something in common.
    low, high = ((0.0, 0.1, 0.2), (0.3, 0.4, 0.6)) if is_box else ((0.7, 0.1, 0.0), (1.0, 0.5, 0.3))
    return Shape(is_box, size, tuple(start), travel, tuple(rng.uniform(low, high)))

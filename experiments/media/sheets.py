"""Several pictures as one."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from metainr.types import Array

_COLUMNS = 2  # and rows, of frames


def arranged(pictures: Sequence[Array], columns: int) -> Array:
    """Pictures [h, w, 3], row by row, as one; what is missing in the last row is white."""
    missing = -len(pictures) % columns
    pictures = [*pictures, *[jnp.ones_like(pictures[0])] * missing]
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    return jnp.concatenate([jnp.concatenate(row, axis=1) for row in rows], axis=0)


def chosen_frames(count: int) -> np.ndarray:
    """Which of `count` frames a sheet shows: four, the first and the last among them."""
    return np.round(np.linspace(0, count - 1, 2 * _COLUMNS)).astype(int)


def sheet(frames: Array, line: float = 1.0) -> Array:
    """Four of frames [t, h, w, c], row by row with lines of a grey between: [2 h + 1, 2 w + 1, c].

    They are those of `chosen_frames`.
    """
    margins = ((0, 1), (0, 1), (0, 0))
    lined = [jnp.pad(frames[i], margins, constant_values=line) for i in chosen_frames(len(frames))]
    return arranged(lined, _COLUMNS)[:-1, :-1]

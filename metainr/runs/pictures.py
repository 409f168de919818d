"""Signals of any number of axes as pictures."""

import jax.numpy as jnp

from metainr.types import Array

_HEIGHT = 96  # of the picture of a curve
_WIDTH = 256


def as_picture(values: Array) -> Array:
    """A signal [*shape, c] in [0, 1] as a picture [h, w, 1 or 3].

    Images are shown as they are, grey where they have not one channel or three; a sound is the
    curve of its channels' mean; of what has more than two axes the middle of the others is shown.
    """
    if values.ndim == 2:
        return _curve(values.mean(-1))
    while values.ndim > 3:
        values = values[len(values) // 2]
    return values if values.shape[-1] in (1, 3) else values.mean(-1, keepdims=True)


def _curve(values):
    """A curve [n], dark on white, 0 at the bottom and 1 at the top: [h, w, 1]."""
    columns = values[jnp.linspace(0, len(values) - 1, _WIDTH).astype(int)]
    rows = jnp.linspace(1, 0, _HEIGHT)[:, None]
    ink = jnp.clip(1.5 - _HEIGHT * jnp.abs(rows - jnp.clip(columns, 0, 1)[None]), 0, 1)
    return 1 - ink[..., None]

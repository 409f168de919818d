"""Halves of the views that are seen of an object; of one view, halves of its pixels."""

import jax
import jax.numpy as jnp

from metainr.cameras import Views
from metainr.objectives import first_half, halves
from metainr.types import Key, Task

_SIDES = 4  # left, right, upper, lower


def halves_of(views: Views, key: Key) -> Task:
    """A random half of the views is the support; of one view that is its half on a random side."""
    if len(views.images) > 1:
        return halves(views, key)
    return _sides(views, jax.random.randint(key, (), 0, _SIDES))


def first_half_of(views: Views) -> Task:
    """The same with the first half of the views, or the left half of one."""
    return first_half(views) if len(views.images) > 1 else _sides(views, 0)


def _sides(views, side):
    """Support: the pixels on one side of the middle; query: those on the other."""
    row, column, height, width = jnp.asarray(views.windows).T
    left, top = width // 2, height // 2
    windows = jnp.stack(
        [
            jnp.stack([row, column, height, left], axis=-1),
            jnp.stack([row, column + left, height, width - left], axis=-1),
            jnp.stack([row, column, top, width], axis=-1),
            jnp.stack([row + top, column, height - top, width], axis=-1),
        ]
    )
    opposite = side ^ 1
    return Task(views._replace(windows=windows[side]), views._replace(windows=windows[opposite]))

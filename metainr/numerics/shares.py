"""Rows divided over the devices along an axis of a `shard_map`'s mesh; no axis means one device."""

import jax
import jax.numpy as jnp
from jax import lax

from metainr.types import Observations, Tree


def axis_size(axis_name: str | None) -> int:
    """Number of devices along the axis."""
    return 1 if axis_name is None else lax.psum(1, axis_name)


def share_rows(tree: Tree, axis_name: str | None) -> Tree:
    """This device's equal share of the rows (leading axis), the first row filling what lacks."""
    if axis_name is None:
        return tree
    n = jax.tree.leaves(tree)[0].shape[0]
    size = -(-n // axis_size(axis_name))
    numbers = lax.axis_index(axis_name) * size + jnp.arange(size)
    return jax.tree.map(lambda x: jnp.asarray(x)[jnp.where(numbers < n, numbers, 0)], tree)


def share(observations: Observations, axis_name: str | None) -> Observations:
    """This device's share of observations, what fills it having weight 0."""
    if axis_name is None:
        return observations
    rows = share_rows(observations, axis_name)
    size = len(rows.weights)
    numbers = lax.axis_index(axis_name) * size + jnp.arange(size)
    return rows._replace(weights=jnp.where(numbers < len(observations.weights), rows.weights, 0))


def gather_rows(tree: Tree, n: int, axis_name: str | None) -> Tree:
    """The n rows whose shares the devices hold."""
    if axis_name is None:
        return tree
    return jax.tree.map(lambda x: lax.all_gather(x, axis_name, tiled=True)[:n], tree)


def add_shares(tree: Tree, axis_name: str | None) -> Tree:
    """The sum of what the devices hold."""
    return tree if axis_name is None else lax.psum(tree, axis_name)

"""What one field keeps of the parts gone by, and what it does with it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from metainr.numerics.gradients import observe
from metainr.streams.division import AS_THEY_ARE, read
from metainr.streams.information import weight_information
from metainr.types import Array, Field, Key, Observations, Params, Term

Kept = Any
"""A pytree of arrays: what a memory holds."""


class Memory(NamedTuple):
    """A way to remember; `stream` are all parts' observations, each leaf [parts, n, ...].

    start: (params, stream) -> what is kept before the first part;
    rows: (kept, stream, number) -> the observations that the steps of a part see;
    pulled: (kept, params, strength) -> the params after a step, drawn to what is remembered;
    keep: (kept, params, part, key) -> what is kept once a part is learned.
    """

    start: Callable[[Params, Observations], Kept]
    rows: Callable[[Kept, Observations, Array], Observations]
    pulled: Callable[[Kept, Params, Array], Params]
    keep: Callable[[Kept, Params, Observations, Key], Kept]


def _part(kept, stream, number):
    return jax.tree.map(lambda x: x[number], stream)


def everything() -> Memory:
    """The whole stream, from the beginning on: no stream any more, and an upper bound."""
    return nothing()._replace(
        rows=lambda kept, stream, number: jax.tree.map(
            lambda x: x.reshape(-1, *x.shape[2:]), stream
        )
    )


def nothing() -> Memory:
    """The weights alone: each part is learned as if there were no other."""
    return Memory(
        lambda params, stream: (),
        _part,
        lambda kept, params, strength: params,
        lambda kept, params, part, key: kept,
    )


class Buffer(NamedTuple):
    """Observations with random ranks, of which −1 marks an empty place; `seen`: how many came."""

    rows: Observations
    ranks: Array
    seen: Array


def replay(size: int) -> Memory:
    """`size` points, at every time a uniform draw, without repetition, of all that came so far but
    for padding.

    Each point seen gets a random rank, and the highest are kept (a reservoir). A step sees the part
    and the buffer, which weighs as much as all that it was drawn from: the loss is an unbiased
    estimate of the error over everything seen.
    """

    def start(params, stream):
        rows = jax.tree.map(lambda x: jnp.zeros((size, *x.shape[2:]), x.dtype), stream)
        return Buffer(rows, jnp.full(size, -1.0), jnp.zeros(()))

    def rows(kept, stream, number):
        part = _part(kept, stream, number)
        filled = (kept.ranks >= 0).astype(jnp.float32)
        each = kept.seen / jnp.maximum(filled.sum(), 1)
        return _both(part, kept.rows._replace(weights=each * filled))

    def keep(kept, params, part, key):
        is_there = part.weights > 0
        new = jnp.where(is_there, jax.random.uniform(key, part.weights.shape), -1.0)
        ranks, chosen = jax.lax.top_k(jnp.concatenate([kept.ranks, new]), size)
        rows = jax.tree.map(lambda x: x[chosen], _both(kept.rows, part))
        return Buffer(rows, ranks, kept.seen + is_there.sum())

    return nothing()._replace(start=start, rows=rows, keep=keep)


class Anchor(NamedTuple):
    """The sum of quadratic penalties ½ F_k (θ_k − θ*_k)²: its curvature and its minimum."""

    curvature: Params
    minimum: Params


def consolidation(field: Field, term: Term = AS_THEY_ARE) -> Memory:
    """Elastic weight consolidation: weights are held by their Fisher information on earlier parts.

    It is that of the observations which a step of the term draws.

    The penalty of all parts gone by is one quadratic, kept exactly: ½ λ F (θ − m)² with
    F = Σ F_i and m = Σ F_i θ_i / F, where θ_i was reached on part i. Its step is taken implicitly,
    θ ← m + (θ − m) / (1 + λ F), so that it is stable for every strength λ, which includes the rate:
    an infinite one freezes all weights that an earlier part depends on. Source: Kirkpatrick et al.,
    PNAS 2017; the sum over parts as Huszár, PNAS 2018, has it.
    """

    def start(params, stream):
        return Anchor(jax.tree.map(jnp.zeros_like, params), params)

    def pulled(kept, params, strength):
        def one(curvature, minimum, x):
            force = jnp.where(curvature > 0, strength * curvature, 0.0)  # ∞ · 0 is NaN
            return minimum + (x - minimum) / (1 + force)

        return jax.tree.map(one, *kept, params)

    def keep(kept, params, part, key):
        (drawn,) = observe((term,), params, part, key, 0)
        new = weight_information(partial(read, term, field.apply), params, drawn.inputs)
        total = jax.tree.map(jnp.add, kept.curvature, new)

        def one(old, minimum, new, x):
            both = old + new
            return jnp.where(both > 0, (old * minimum + new * x) / both, x)

        return Anchor(total, jax.tree.map(one, *kept, new, params))

    return nothing()._replace(start=start, pulled=pulled, keep=keep)


def _both(first, second):
    return jax.tree.map(lambda x, y: jnp.concatenate([x, y]), first, second)

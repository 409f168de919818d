"""Samples of a prior.

Source: DDIM, Song et al., ICLR 2021.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from metainr.generation.prior import Predict
from metainr.generation.schedule import Schedule
from metainr.types import Array, Key


def make_sampler(
    predict: Predict, schedule: Schedule, size: int, num_steps: int = 50
) -> Callable[[Key, Array], Array]:
    """Builds `sample(key, labels [n]) -> vectors [n, size]`, which takes DDIM's steps from noise.

    x_s = √ᾱ_s x̂ + √(1 − ᾱ_s) ε̂, ε̂ = (x_t − √ᾱ_t x̂) / √(1 − ᾱ_t), down to x̂ itself at the last.
    A sample depends on the key, its place and its label alone.
    """
    levels = schedule.few(num_steps)
    kept = jnp.asarray(schedule.kept)[levels]
    after = jnp.concatenate([kept[1:], jnp.ones(1)])

    def sample(key, labels):
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(len(labels)))
        noise = jax.vmap(lambda k: jax.random.normal(k, (size,)))(keys)

        def body(x, place):
            level, now, then = place
            found = predict(x, jnp.full(len(labels), level), labels)
            left = (x - jnp.sqrt(now) * found) / jnp.sqrt(1 - now)
            return jnp.sqrt(then) * found + jnp.sqrt(1 - then) * left, None

        return lax.scan(body, noise, (jnp.asarray(levels), kept, after))[0]

    return jax.jit(sample)

"""Samples of a prior that agree with what was measured.

Source: decoupled annealing, Zhang et al., CVPR 2025 ("Improving Diffusion Inverse Problem Solving
with Decoupled Noise Annealing"); its Langevin steps are here one draw from the Gaussian that
Gauss and Newton's linearisation gives, which needs no step size.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from metainr.generation.prior import Predict
from metainr.generation.schedule import Schedule
from metainr.types import Array, Key


def make_guided(
    predict: Predict,
    schedule: Schedule,
    size: int,
    residuals: Callable[[Array, Array], Array],
    num_steps: int = 25,
) -> Callable[[Key, Array, Array, Array], Array]:
    """Builds `guided(key, label, measured, noise) -> vector [size]`, one sample of the posterior.

    At each level x̂ = E[x | x_t] stands for the prior, whose spread there is √(1 − ᾱ_t) for vectors
    of unit variance. The posterior of a measurement with Gaussian noise σ, linear about x̂, is

        x ~ N(x̂ − H⁻¹ Jᵀ r(x̂) / σ², H⁻¹),    H = Jᵀ J / σ² + I / (1 − ᾱ_t)

    which is drawn from, and given the noise of the next level. Exact in the limit of many levels
    for linear measurements of a Gaussian.

    Args:
        predict, schedule, size: of the prior.
        residuals: (vector [size], measured) -> r [m], predictions less measurements.
        num_steps: levels to stop at.
    """
    levels = schedule.few(num_steps)
    kept = jnp.asarray(schedule.kept)[levels]
    after = jnp.concatenate([kept[1:], jnp.ones(1)])

    def guided(key, label, measured, noise):
        def body(x, place):
            number, level, now, then = place
            drawn, again = jax.random.split(jax.random.fold_in(key, number))
            found = predict(x[None], jnp.full(1, level), label[None])[0]
            mean, root = _posterior(lambda v: residuals(v, measured), found, noise, 1 - now)
            chosen = mean + jax.scipy.linalg.solve_triangular(
                root.T, jax.random.normal(drawn, (size,)), lower=False
            )
            fresh = jax.random.normal(again, (size,))
            return jnp.sqrt(then) * chosen + jnp.sqrt(1 - then) * fresh, None

        start = jax.random.normal(jax.random.fold_in(key, num_steps), (size,))
        places = (jnp.arange(num_steps), jnp.asarray(levels), kept, after)
        return lax.scan(body, start, places)[0]

    return jax.jit(guided)


def _posterior(residuals, vector, noise, variance):
    """The mean of the Gaussian, and the Cholesky factor of its precision H."""
    rest, push = jax.linearize(residuals, vector)
    slope = jax.vmap(push)(jnp.eye(len(vector)))  # Jᵀ [d, m]
    precision = slope @ slope.T / noise**2 + jnp.eye(len(vector)) / variance
    root = jnp.linalg.cholesky(precision)
    move = jax.scipy.linalg.cho_solve((root, True), slope @ rest / noise**2)
    return vector - move, root

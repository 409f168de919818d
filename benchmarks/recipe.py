"""The published recipe in plain JAX: what one writes from the papers, and metainr's yardstick.

The inner loop is unrolled in Python, tasks are one `vmap`, and the meta-gradient is `jax.grad`
through both, reverse mode over reverse mode. Source: Tancik et al., CVPR 2021, and the code
published with it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from benchmarks.setting import Setting
from metainr.objectives import pixel_grid
from metainr.types import Array, Params

Layers = Sequence[tuple[Array, Array]]


def layers(params: Params) -> list[tuple[Array, Array]]:
    """The weights of metainr's SIREN as [(kernel [in, out], bias [out])], first layer first."""
    return [
        (params[f"dense_{i}"]["kernel"], params[f"dense_{i}"]["bias"]) for i in range(len(params))
    ]


def apply(params: Layers, coords: Array, omega: float) -> Array:
    """A SIREN: coords [n, d] -> values [n, c]."""
    x = coords
    for w, b in params[:-1]:
        x = jnp.sin(omega * (x @ w + b))
    w, b = params[-1]
    return x @ w + b + 0.5


def squared_error(params: Layers, coords: Array, values: Array, omega: float) -> Array:
    """Mean squared error over points and channels."""
    return jnp.mean((apply(params, coords, omega) - values) ** 2)


def make_meta_gradient(setting: Setting) -> Callable[[Layers, Array], Layers]:
    """Builds (params, images [tasks, side, side, c]) -> the mean of the tasks' meta-gradients."""
    coords = pixel_grid((setting.side, setting.side))

    def loss(params, values):
        return squared_error(params, coords, values, setting.omega)

    def adapt(params, values):
        for _ in range(setting.inner_steps):
            gradient = jax.grad(loss)(params, values)
            if setting.algorithm == "first_order_maml":
                gradient = lax.stop_gradient(gradient)
            params = jax.tree.map(lambda p, g: p - setting.inner_rate * g, params, gradient)
        return params

    def adapted_loss(params, values):
        return jnp.mean(jax.vmap(lambda v: loss(adapt(params, v), v))(values))

    def displacement(params, values):
        adapted = jax.vmap(lambda v: adapt(params, v))(values)
        return jax.tree.map(lambda p, q: p - q.mean(0), params, adapted)

    gradient = displacement if setting.algorithm == "reptile" else jax.grad(adapted_loss)
    return lambda params, images: gradient(
        params, images.reshape(len(images), -1, images.shape[-1])
    )


def make_step(
    setting: Setting, params: Layers, precision: str | None = None
) -> tuple[Callable[[Any, Array], tuple[Any, Array]], Any]:
    """(jitted (state, images) -> (state, ‖gradient‖), the first state) of an outer step of Adam.

    Args:
        setting: what to learn.
        params: the weights to start from.
        precision: of products, as `jax.default_matmul_precision` names it; None: JAX's default,
            which on GPUs rounds float32 factors.
    """
    optimizer = optax.adam(setting.outer_rate)
    meta_gradient = make_meta_gradient(setting)

    @jax.jit
    def step(state, images):
        params, opt_state = state
        with jax.default_matmul_precision(precision):
            gradient = meta_gradient(params, images)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), optax.tree.norm(gradient)

    return step, (params, optimizer.init(params))

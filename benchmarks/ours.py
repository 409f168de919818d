"""metainr's own outer step in a benchmark's setting."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Mesh

from benchmarks.setting import Setting
from metainr import algorithms, fields
from metainr.devices import observation_axis
from metainr.measurements import value
from metainr.numerics import Summation, default_chunk_size
from metainr.objectives import all_points, image_task, pixel_grid, squared_error
from metainr.training import Numbered, init_state, make_train_step
from metainr.types import Algorithm, Array, Field, Hyper, MetaParams, Objective, Params, Term


def make_field(setting: Setting, compute_dtype: str = "float32") -> Field:
    """The setting's SIREN, hidden products having factors of `compute_dtype`."""
    options = fields.FieldOptions(
        width=setting.width,
        depth=setting.depth,
        omega=setting.omega,
        first_omega=setting.omega,
        compute_dtype=compute_dtype,
    )
    return fields.make("siren", options)


def first_params(setting: Setting) -> Params:
    """The weights from which every contender starts, as NumPy arrays: no step takes them over."""
    return _initial(Setting(width=setting.width, depth=setting.depth, omega=setting.omega))


@functools.cache
def _initial(network):
    init = jax.jit(make_field(network).init)
    return jax.tree.map(np.asarray, init(jax.random.key(0)))


def make_objective(setting: Setting) -> Objective:
    """The squared error at all pixels."""
    coords = pixel_grid((setting.side, setting.side))
    return (Term(all_points(coords), value(), squared_error),)


def make_algorithm(
    setting: Setting, compute_dtype: str = "float32", mesh: Mesh | None = None
) -> Algorithm:
    """The setting's algorithm, starting from `first_params`, sums in chunks of the machine's."""
    field = make_field(setting, compute_dtype)._replace(init=lambda key: first_params(setting))
    objective, hyper = make_objective(setting), Hyper(setting.inner_optimizer, setting.inner_rate)
    summation = Summation(default_chunk_size(setting.width), observation_axis(mesh))
    parts = algorithms.make_parts(
        field, objective, objective, hyper, setting.inner_steps, summation
    )
    return algorithms.make(setting.algorithm, parts)


def make_step(
    setting: Setting,
    compute_dtype: str = "float32",
    microbatch: int | None = None,
    mesh: Mesh | None = None,
) -> tuple[Callable[[Any, Array], tuple[Any, Any]], Any]:
    """(jitted (state, images) -> (state, metrics), the first state) of an outer step of Adam.

    Args:
        setting: what to learn.
        compute_dtype: of the factors of hidden products.
        microbatch: tasks side by side on a device; None: what suits it.
        mesh: of devices to divide tasks, or else observations, over; None: one device.
    """
    algorithm = make_algorithm(setting, compute_dtype, mesh)
    optimizer = optax.adam(setting.outer_rate)
    state = init_state(algorithm, optimizer, jax.random.key(0))
    numbered_step = make_train_step(algorithm, optimizer, image_task, mesh, microbatch)

    def step(state, images):
        return numbered_step(state, Numbered(images, jnp.arange(len(images))))

    return jax.jit(step, donate_argnums=0), state


def make_meta_gradient(
    setting: Setting, compute_dtype: str = "float32"
) -> Callable[[MetaParams, Array], MetaParams]:
    """Builds (params, images [tasks, side, side, c]) -> the mean of the tasks' meta-gradients."""
    algorithm, key = make_algorithm(setting, compute_dtype), jax.random.key(0)

    def meta_gradient(params, images):
        def one(image):
            return algorithm.meta_gradient(params, image_task(image, key), key)[0]

        return jax.tree.map(lambda x: x.mean(0), lax.map(one, images))

    return meta_gradient

"""Tasks whose meta-gradients are known: a quadratic, and a small SIREN."""

import jax
import jax.numpy as jnp
import numpy as np

from metainr import algorithms, fields
from metainr.algorithms import adapt, make_parts
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.objectives import Samples, all_points, random_points, squared_error
from metainr.types import Field, Hyper, MetaParams, Params, Parts, Task, Term

RATE = 0.1
KEY = jax.random.key(0)
SIREN = fields.make("siren", fields.FieldOptions(width=8, depth=3, omega=5, first_omega=5))


def coords_of(dtype: np.dtype) -> np.ndarray:
    """The points of SIREN's task."""
    return np.random.default_rng(0).uniform(size=(20, 2)).astype(dtype)


def siren_task(
    dtype: np.dtype,
    optimizer: str,
    steps: int,
    points: int | None = None,
    plain_mode_points: int = 0,
) -> tuple[Parts, Params, Task]:
    """(parts, generic weights, task); `points`: of each step, None: all."""
    coords = coords_of(dtype)
    draw = all_points(coords) if points is None else random_points(coords, points)
    objective = (Term(draw, value(), squared_error),)
    summation = Summation(7, plain_mode_points=plain_mode_points)
    parts = make_parts(SIREN, objective, objective, Hyper(optimizer, 1e-2), steps, summation)
    values = np.random.default_rng(1).uniform(size=(20, 3)).astype(dtype)
    support = Samples(jnp.asarray(values), jnp.ones(20, dtype))
    params = jax.tree.map(lambda x: x.astype(dtype), SIREN.init(jax.random.key(3)))
    return parts, params, Task(support, support)


def random_like(tree: MetaParams, key: jax.Array) -> MetaParams:
    """Normal numbers for every leaf."""
    keys = iter(jax.random.split(key, len(jax.tree.leaves(tree))))
    return jax.tree.map(lambda x: jax.random.normal(next(keys), x.shape, x.dtype), tree)


def hold_against_finite_differences(
    name: str, parts: Parts, meta_params: MetaParams, task: Task, options: tuple | None = None
) -> None:
    """Compares the meta-gradient along a random direction of all that is learned."""
    algorithm = algorithms.make(name, parts, options)
    inner, steps = algorithm.make_inner(parts.hyper), parts.num_steps
    found, _ = jax.jit(algorithm.meta_gradient)(meta_params, task, KEY)
    support_key, query_key = jax.random.split(KEY)

    @jax.jit
    def outer_loss(start):
        adapted, _ = adapt(inner, start, task.support, support_key, steps)
        return parts.query(adapted, task.query, query_key, steps)[0]

    direction, eps = random_like(meta_params, jax.random.key(9)), 1e-6
    ahead = outer_loss(jax.tree.map(lambda p, d: p + eps * d, meta_params, direction))
    behind = outer_loss(jax.tree.map(lambda p, d: p - eps * d, meta_params, direction))
    slope = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, found, direction)))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * eps), rtol=2e-6)


def compiled_bytes(
    name: str, optimizer: str, steps: int, n: int, width: int = 64
) -> tuple[int, int]:
    """(temporary memory of an algorithm's compiled meta-gradient, size of the field's weights)."""
    field = fields.make("siren", fields.FieldOptions(width=width, depth=4))
    objective = (Term(all_points(np.zeros((n, 2), np.float32)), value(), squared_error),)
    parts = make_parts(field, objective, objective, Hyper(optimizer, 1e-2), steps, Summation(256))
    algorithm = algorithms.make(name, parts)
    support = Samples(jnp.zeros((n, 3)), jnp.ones(n))
    shapes = jax.eval_shape(algorithm.init, KEY)
    step = jax.jit(algorithm.meta_gradient).lower(shapes, Task(support, support), KEY)
    size = sum(4 * leaf.size for leaf in jax.tree.leaves(jax.eval_shape(field.init, KEY)))
    return step.compile().memory_analysis().temp_size_in_bytes, size


def linear_field(params: Params) -> Field:
    """f(x) = x @ w, w being the leaves of params one above the other; they are the init."""

    def apply(params, coords):
        return coords @ jnp.concatenate(jax.tree.leaves(params))

    return Field(lambda key: params, apply)

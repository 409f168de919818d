import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.measurements import value
from metainr.numerics import Summation, objective_gradient, sum_over_chunks
from metainr.objectives import Samples, all_points, random_points, squared_error
from metainr.types import Observations, Term


def _affine(params, coords):
    return jnp.tanh(coords @ params["w"]) + jnp.broadcast_to(params["b"], (*coords.shape[:-1], 3))


def _problem(n, dtype=jnp.float32, zero_weights=0):
    rng = np.random.default_rng(0)
    coords = rng.uniform(size=(n, 2)).astype(dtype)
    weights = rng.uniform(0.1, 1, n).astype(dtype)
    weights[:zero_weights] = 0
    support = Samples(rng.normal(size=(n, 3)).astype(dtype), weights)
    params = {"w": rng.normal(size=(2, 3)).astype(dtype), "b": np.zeros(3, dtype)}
    return coords, jax.tree.map(jnp.asarray, support), jax.tree.map(jnp.asarray, params)


def _whole_loss(params, coords, support, scale=1.0):
    errors = jnp.mean((_affine(params, coords) - support.values) ** 2, -1)
    return scale * jnp.sum(support.weights * errors) / jnp.sum(support.weights)


@pytest.mark.parametrize("n,chunk", [(7, None), (7, 3), (64, 16), (65, 16), (5, 100), (1, 1)])
def test_sum_over_chunks_equals_the_whole(n, chunk):
    rng = np.random.default_rng(n)
    rows = Observations(*(jnp.asarray(rng.normal(size=s)) for s in ((n, 2), (n, 3), (n,))))

    def total(rows):
        return {"a": (rows.weights[:, None] * rows.targets).sum(0), "b": rows.weights.sum()}

    chex.assert_trees_all_close(
        sum_over_chunks(total, rows, chunk), total(rows), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("chunk", [None, 10, 32])
def test_loss_and_gradient_equal_the_plain_ones(chunk):
    coords, support, params = _problem(50, zero_weights=7)
    objective = (Term(all_points(coords), value(), squared_error, scale=3.0),)
    gradient = jax.jit(objective_gradient(objective, _affine, Summation(chunk)))
    loss, slope = gradient(params, support, jax.random.key(0), 0)
    expected = jax.value_and_grad(_whole_loss)(params, coords, support, 3.0)
    chex.assert_trees_all_close((loss, slope), expected, rtol=1e-5)


def test_terms_add_up():
    coords, support, params = _problem(20)
    term = Term(all_points(coords), value(), squared_error)
    both = objective_gradient((term, term._replace(scale=0.5)), _affine)
    one = objective_gradient((term,), _affine)
    key = jax.random.key(0)
    scaled = jax.tree.map(lambda x: 1.5 * x, one(params, support, key, 0))
    chex.assert_trees_all_close(both(params, support, key, 0), scaled, rtol=1e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [None, 8])
def test_pullback_is_the_hessian_vector_product(chunk):
    coords, support, params = _problem(30, np.float64)
    objective = (Term(all_points(coords), value(), squared_error),)
    gradient = objective_gradient(objective, _affine, Summation(chunk))
    direction = jax.tree.map(
        lambda x: jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape), params
    )
    _, pullback = jax.vjp(lambda p: gradient(p, support, jax.random.key(0), 0), params)
    (pulled,) = pullback((jnp.float64(2.0), direction))

    def directional(p):
        slope = jax.grad(_whole_loss)(p, coords, support)
        pairs = zip(jax.tree.leaves(slope), jax.tree.leaves(direction))
        return 2 * _whole_loss(p, coords, support) + sum(jnp.vdot(a, b) for a, b in pairs)

    chex.assert_trees_all_close(pulled, jax.grad(directional)(params), rtol=1e-9)


def test_random_points_are_distinct_seen_and_new_each_step():
    coords, support, params = _problem(40, zero_weights=10)
    draw = random_points(coords, 16)
    first = draw(params, support, jax.random.key(0), 0)
    second = draw(params, support, jax.random.key(1), 0)
    hidden = {tuple(row) for row in coords[:10].tolist()}
    rows = [tuple(row) for row in np.asarray(first.inputs).tolist()]
    assert len(set(rows)) == 16 and not hidden & set(rows)
    assert np.abs(np.asarray(first.inputs) - np.asarray(second.inputs)).max() > 0


def test_random_points_pad_when_too_few_are_seen():
    coords, support, params = _problem(40, zero_weights=35)
    rows = random_points(coords, 16)(params, support, jax.random.key(0), 0)
    assert float(rows.weights.sum()) == 5

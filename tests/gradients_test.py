"""Chunked, coupled and mixed-mode derivatives against JAX's own of the plainly written loss."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.measurements import value
from metainr.numerics import (
    Summation,
    hessian_vector_product,
    inner_gradient,
    inner_product,
    map_over_chunks,
    objective_gradient,
    sum_over_chunks,
)
from metainr.objectives import Samples, all_points, random_points, squared_error
from metainr.types import Measurement, Observations, Term

KEY = jax.random.key(0)


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


def _direction(params):
    return jax.tree.map(
        lambda x: jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape), params
    )


def _product(loss, params, direction):
    return jax.jvp(jax.grad(loss), (params,), (direction,))


LAYOUTS = [(7, None), (7, 3), (64, 16), (65, 16), (5, 100), (1, 1), (300, 128), (129, 128)]


@pytest.mark.parametrize("n,chunk", LAYOUTS)
def test_sum_over_chunks_equals_the_whole(n, chunk):
    rng = np.random.default_rng(n)
    rows = Observations(*(jnp.asarray(rng.normal(size=s)) for s in ((n, 2), (n, 3), (n,))))

    def total(rows):
        return {"a": (rows.weights[:, None] * rows.targets).sum(0), "b": rows.weights.sum()}

    chex.assert_trees_all_close(
        sum_over_chunks(total, rows, chunk), total(rows), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("n,chunk", LAYOUTS)
def test_map_over_chunks_equals_the_whole(n, chunk):
    rows = np.random.default_rng(n).normal(size=(n, 2))
    found = map_over_chunks(lambda x: {"a": jnp.sum(x, -1), "b": 2 * x}, jnp.asarray(rows), chunk)
    expected = {"a": rows.sum(-1), "b": 2 * rows}
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk", [None, 10, 32])
@pytest.mark.parametrize("plain_mode_points", [0, 128])
def test_loss_and_gradient_equal_the_plain_ones(chunk, plain_mode_points):
    coords, support, params = _problem(50, zero_weights=7)
    objective = (Term(all_points(coords), value(), squared_error, scale=3.0),)
    summation = Summation(chunk, plain_mode_points=plain_mode_points)
    gradient = jax.jit(objective_gradient(objective, _affine, summation))
    loss, slope = gradient(params, support, KEY, 0)
    expected = jax.value_and_grad(_whole_loss)(params, coords, support, 3.0)
    chex.assert_trees_all_close((loss, slope), expected, rtol=1e-5)


def test_terms_add_up():
    coords, support, params = _problem(20)
    term = Term(all_points(coords), value(), squared_error)
    both = objective_gradient((term, term._replace(scale=0.5)), _affine)
    one = objective_gradient((term,), _affine)
    scaled = jax.tree.map(lambda x: 1.5 * x, one(params, support, KEY, 0))
    chex.assert_trees_all_close(both(params, support, KEY, 0), scaled, rtol=1e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [pytest.param(None, marks=pytest.mark.slow), 8])
@pytest.mark.parametrize("plain_mode_points", [0, 128])
def test_pullback_is_the_hessian_vector_product(chunk, plain_mode_points):
    coords, support, params = _problem(30, np.float64)
    objective = (Term(all_points(coords), value(), squared_error),)
    summation = Summation(chunk, plain_mode_points=plain_mode_points)
    gradient = objective_gradient(objective, _affine, summation)
    direction = _direction(params)
    _, pullback = jax.vjp(lambda p: gradient(p, support, KEY, 0), params)
    slope, product = _product(lambda p: _whole_loss(p, coords, support), params, direction)
    (of_slope,) = pullback((jnp.float64(0.0), direction))
    chex.assert_trees_all_close(of_slope, product, rtol=1e-9)
    (of_both,) = pullback((jnp.float64(2.0), direction))
    expected = jax.tree.map(lambda g, h: 2 * g + h, slope, product)
    chex.assert_trees_all_close(of_both, expected, rtol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [None, 8])
def test_hessian_vector_product_by_itself(chunk):
    coords, support, params = _problem(30, np.float64)
    objective = (Term(all_points(coords), value(), squared_error),)
    direction = _direction(params)
    found = hessian_vector_product(objective, _affine, Summation(chunk))(
        params, support, KEY, 0, direction
    )
    expected = _product(lambda p: _whole_loss(p, coords, support), params, direction)
    chex.assert_trees_all_close(found, expected, rtol=1e-9)


def _bent(adapted, held):
    """Weights that are no linear function of what is adapted and what is held."""
    return {"w": held["w"] * jnp.sin(adapted["size"]), "b": adapted["z"] @ held["A"]}


def _held_problem():
    coords, support, params = _problem(30, np.float64)
    rng = np.random.default_rng(3)
    adapted = {"size": jnp.float64(0.7), "z": jnp.asarray(rng.normal(size=2))}
    held = {"w": params["w"], "A": jnp.asarray(rng.normal(size=(2, 3)))}
    objective = (Term(all_points(coords), value(), squared_error),)

    def loss(adapted, held):
        return _whole_loss(_bent(adapted, held), coords, support)

    return objective, support, adapted, held, loss


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [None, 8])
@pytest.mark.parametrize("plain_mode_points", [0, 128])
def test_pullback_reaches_what_is_adapted_and_what_is_held(chunk, plain_mode_points):
    objective, support, adapted, held, loss = _held_problem()
    summation = Summation(chunk, plain_mode_points=plain_mode_points)
    gradient = inner_gradient(objective, _affine, summation, _bent)
    direction, weight = _direction(adapted), 2.0
    found, pullback = jax.vjp(lambda a, h: gradient(a, h, support, KEY, 0), adapted, held)
    chex.assert_trees_all_close(found, jax.value_and_grad(loss)(adapted, held), rtol=1e-9)

    def seen(adapted, held):
        """What the cotangents make of the loss and its slope."""
        total, slope = jax.value_and_grad(loss)(adapted, held)
        along = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, slope, direction)))
        return weight * total + along

    expected = jax.grad(seen, (0, 1))(adapted, held)
    chex.assert_trees_all_close(pullback((jnp.float64(weight), direction)), expected, rtol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [None, 8])
def test_product_in_what_is_adapted_and_what_is_held(chunk):
    objective, support, adapted, held, loss = _held_problem()
    product = inner_product(objective, _affine, Summation(chunk), _bent)
    direction = _direction(adapted)
    found = product(adapted, held, support, KEY, 0, direction)
    still = jax.tree.map(jnp.zeros_like, held)
    both = jax.grad(loss, (0, 1))
    expected = jax.jvp(both, (adapted, held), (direction, still))
    chex.assert_trees_all_close(found, expected, rtol=1e-9)


def _projector(side):
    """Sums of a field over the rows and columns of a grid: every sum reads many points."""
    grid = np.stack(np.meshgrid(*[np.arange(side) / side] * 2, indexing="ij"), -1).reshape(-1, 2)

    def pool(features, inputs):
        image = features[:, 0].reshape(side, side, 3)
        return jnp.concatenate([image.sum(0), image.sum(1)])[inputs] / side

    return grid, Measurement(
        points=lambda inputs: jnp.asarray(grid)[:, None],
        local=lambda field, coords: field(coords),
        pool=pool,
        coupled=True,
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [pytest.param(None, marks=pytest.mark.slow), 10, 36])
@pytest.mark.parametrize("plain_mode_points", [0, 128])
def test_coupled_measurements_in_two_passes(chunk, plain_mode_points):
    """Of 12 sums 5 are observed, at 36 points."""
    grid, measurement = _projector(6)
    _, support, params = _problem(5, np.float64)
    seen = jnp.asarray([0, 3, 4, 7, 11])

    def draw(params, support, key, step):
        return Observations(seen, support.values, support.weights)

    def whole(params):
        predictions = measurement.pool(_affine(params, grid)[:, None], seen)
        losses = squared_error(predictions, support.values)
        return jnp.sum(support.weights * losses) / jnp.sum(support.weights)

    objective = (Term(draw, measurement, squared_error),)
    summation = Summation(chunk, plain_mode_points=plain_mode_points)
    gradient = objective_gradient(objective, _affine, summation)
    direction = _direction(params)
    slope, product = _product(whole, params, direction)
    chex.assert_trees_all_close(
        jax.jit(gradient)(params, support, KEY, 0), (whole(params), slope), rtol=1e-9
    )
    _, pullback = jax.vjp(lambda p: gradient(p, support, KEY, 0)[1], params)
    chex.assert_trees_all_close(pullback(direction)[0], product, rtol=1e-9)
    found = hessian_vector_product(objective, _affine, summation)(
        params, support, KEY, 0, direction
    )
    chex.assert_trees_all_close(found, (slope, product), rtol=1e-9)


def test_a_coupled_measurement_keeps_features_alone():
    """Memory grows with the points by their features, not by a layer's activations."""
    width = 64

    def apply(params, coords):
        return jnp.tanh(jnp.tanh(coords @ params[0]) @ params[1]) @ params[2]

    shapes = (2, width), (width, width), (width, 3)
    params = [jnp.asarray(np.random.default_rng(0).normal(size=s), jnp.float32) for s in shapes]

    def temporary(side):
        _, measurement = _projector(side)
        support = Samples(jnp.zeros((4, 3)), jnp.ones(4))

        def draw(params, support, key, step):
            return Observations(jnp.arange(4), support.values, support.weights)

        gradient = objective_gradient(
            (Term(draw, measurement, squared_error),), apply, Summation(256)
        )
        pulled = jax.jit(lambda p, v: jax.vjp(lambda p: gradient(p, support, KEY, 0)[1], p)[1](v))
        return pulled.lower(params, params).compile().memory_analysis().temp_size_in_bytes

    points = 128**2 - 64**2
    assert temporary(128) - temporary(64) < points * 4 * width / 2


def test_tiny_gradients_are_left_to_plain_reverse_mode():
    """The rule: at most 128 points in all terms together, and not divided over devices."""

    def is_mixed(n, terms=1, **options):
        coords, support, params = _problem(n)
        objective = (Term(all_points(coords), value(), squared_error),) * terms
        gradient = objective_gradient(objective, _affine, Summation(**options))
        return "custom_vjp" in str(jax.make_jaxpr(gradient)(params, support, KEY, 0))

    assert not is_mixed(128)
    assert is_mixed(129)
    assert is_mixed(65, terms=2)
    assert not is_mixed(1000, plain_mode_points=1000)
    assert is_mixed(2, plain_mode_points=0)


def test_points_in_groups_go_through_the_field_as_a_matrix():
    """A third axis would leave the fast path of XLA:CPU: three times slower products."""
    seen = []

    def apply(params, coords):
        seen.append(coords.shape)
        return _affine(params, coords)

    coords, support, params = _problem(20)
    objective_gradient((Term(all_points(coords), value(), squared_error),), apply)(
        params, support, KEY, 0
    )
    assert set(seen) == {(20, 2)}


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
    rows = random_points(coords, 16)(params, support, KEY, 0)
    assert float(rows.weights.sum()) == 5

"""Derivatives of fields in closed form, against JAX's own, and in meta-gradients."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import algorithms, fields
from metainr.errors import UserError
from metainr.measurements import divergence, gradient, hessian, laplacian, value_and_gradient
from metainr.numerics import Summation, forward_laplacian
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Hyper, Task, Term

KEY = jax.random.key(0)
POINTS = np.random.default_rng(0).uniform(-1, 1, (7, 2)).astype(np.float32)
X, Y = POINTS.T


def _read(measurement, field, coords):
    """M(f, p), compiled, as the engine asks for it: of groups of points."""
    read = jax.jit(lambda x: measurement.pool(measurement.local(field, measurement.points(x)), x))
    return np.asarray(read(coords))


def _polynomials(p):
    """x² y + 3 y, x y³ and x − y⁴."""
    x, y = p[..., 0], p[..., 1]
    return jnp.stack([x**2 * y + 3 * y, x * y**3, x - y**4], -1)


_SLOPES = [2 * X * Y, Y**3, 1 + 0 * X, X**2 + 3, 3 * X * Y**2, -4 * Y**3]
_CURVATURES = [[2 * Y, 0 * X, 0 * X], [2 * X, 3 * Y**2, 0 * X], [0 * X, 6 * X * Y, -12 * Y**2]]


@pytest.mark.parametrize("channels", [[0], [1, 2], [0, 1, 2]], ids=["c=1", "c=2", "c=3"])
def test_polynomials_in_closed_form(channels):
    """By reverse mode for one value, by forward mode for more."""
    field = lambda p: _polynomials(p)[..., jnp.array(channels)]  # noqa: E731
    slopes = np.reshape(_SLOPES, (2, 3, -1))[:, channels].reshape(-1, 7).T
    xx, xy, yy = (np.stack(entry, -1)[:, channels] for entry in _CURVATURES)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    close(_read(gradient(), field, POINTS), slopes)
    both = _read(value_and_gradient(), field, POINTS)
    close(both, np.concatenate([field(POINTS), slopes], -1))
    close(_read(laplacian(), field, POINTS), xx + yy)
    found = _read(hessian(), field, POINTS)
    assert found.shape == (7, 2, 2, len(channels))
    close(found, np.stack([np.stack([xx, xy], 1), np.stack([xy, yy], 1)], 1))


def test_divergence_in_closed_form():
    found = _read(divergence(), lambda p: _polynomials(p)[..., :2], POINTS)
    np.testing.assert_allclose(found, (2 * X * Y + 3 * X * Y**2)[:, None], rtol=1e-5, atol=1e-6)


def test_a_divergence_needs_as_many_values_as_coordinates():
    with pytest.raises(UserError, match="has 3 at 2: give it out_dim=2"):
        _read(divergence(), _polynomials, POINTS)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_plane_waves_in_closed_form(dim):
    """Δ sin(k·x) = −|k|² sin(k·x), and the rest of it, in any number of dimensions."""
    rng = np.random.default_rng(dim)
    k, coords = (rng.normal(size=shape).astype(np.float32) for shape in ((dim,), (9, dim)))
    wave = lambda p: jnp.sin(jnp.sum(p * jnp.broadcast_to(k, p.shape), -1, keepdims=True))  # noqa: E731
    angle = (coords @ k)[:, None]
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    close(_read(gradient(), wave, coords), k[None] * np.cos(angle))
    close(_read(laplacian(), wave, coords), -(k @ k) * np.sin(angle))
    outer = -np.sin(angle)[..., None] * np.outer(k, k)
    close(_read(hessian(), wave, coords)[..., 0], outer)


def _awkward(p):
    """Operations of all kinds: squares, indices, branches, loops, calls, constants."""
    x, y = p[..., :1], p[..., 1:]
    cell = jnp.floor(3 * x).astype(int)
    table = jnp.asarray([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], p.dtype)
    looped, _ = jax.lax.scan(lambda s, _: (jnp.sin(s) + x * x, None), y, None, length=3)
    kinked = jnp.where(x > 0, x**3, jax.nn.relu(y) * y)
    called = jax.jit(lambda a, b: (a * b, jnp.zeros_like(a)))(x, jnp.exp(y))
    sorted_ = jnp.sort(jnp.concatenate([x, y, x * y], -1), axis=-1)
    branch = jax.lax.cond(jnp.max(x) < 9, lambda a: a * jnp.tanh(y), lambda a: a, x)
    return jnp.concatenate(
        [table[cell % 7] * x * y, looped, kinked, called[0] + called[1], sorted_, branch], -1
    )


@pytest.mark.usefixtures("float64")
def test_operations_of_all_kinds():
    points = POINTS.astype(np.float64)
    one = lambda p: _awkward(p[None])[0]  # noqa: E731
    found, value, first, second = jax.jit(
        lambda x: (
            forward_laplacian(_awkward, x),
            _awkward(x),
            jax.vmap(jax.jacfwd(one))(x),
            jax.vmap(jax.jacfwd(jax.jacfwd(one)))(x),
        )
    )(points)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-11)
    close(found.value, value)
    close(np.stack(found.slopes, -1), first)
    close(found.laplacian, np.trace(second, axis1=-2, axis2=-1))


def test_what_does_not_depend_on_the_point_has_no_derivatives():
    for function in (lambda p: jnp.ones((*p.shape[:-1], 3)), lambda p: jnp.floor(p)):
        found = forward_laplacian(function, POINTS)
        np.testing.assert_array_equal(found.value, function(POINTS))
        np.testing.assert_array_equal(np.stack(found.slopes), 0)
        np.testing.assert_array_equal(found.laplacian, 0)


def _network(in_dim=2, out_dim=1, name="siren", width=16, depth=3):
    options = fields.FieldOptions(in_dim, out_dim, width, depth, omega=8.0, first_omega=8.0)
    return fields.make(name, options._replace(activation="tanh", octaves=2.0, fourier_scale=2.0))


def _float64(params):
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("name", "in_dim", "out_dim"),
    [
        pytest.param("siren", 2, 1, marks=pytest.mark.slow),
        ("siren", 2, 2),
        pytest.param("fourier", 3, 1, marks=pytest.mark.slow),
    ],
)
def test_networks_against_nested_derivatives(name, in_dim, out_dim):
    field = _network(in_dim, out_dim, name)
    coords = np.random.default_rng(0).uniform(-1, 1, (5, in_dim))

    @jax.jit
    def read(params, coords):
        apply = functools.partial(field.apply, params)
        one = lambda p: apply(p[None])[0]  # noqa: E731
        measurements = [gradient(), laplacian(), hessian()]
        measurements += [divergence()] if in_dim == out_dim else []
        own = [m.local(apply, m.points(coords))[:, 0] for m in measurements]
        return own, [jax.vmap(f(one))(coords) for f in (jax.jacfwd, jax.hessian)]

    own, (first, second) = read(_float64(field.init(KEY)), coords)
    first, second = np.moveaxis(first, 1, -1), np.moveaxis(second, 1, -1)
    expected = [first.reshape(5, -1), np.trace(second, axis1=1, axis2=2), second]
    expected += [np.trace(first, axis1=1, axis2=2)[:, None]] if in_dim == out_dim else []
    for found, known in zip(own, expected, strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-10, atol=1e-10)


def _compiled_flops(function, *arguments):
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


@pytest.mark.parametrize(("dim", "channels", "share"), [(2, 1, 0.7), (2, 3, 0.36), (3, 1, 0.66)])
def test_what_a_laplacian_costs(dim, channels, share):
    """d + 2 evaluations; a Hessian takes (1 + c)(1 + d), shared out between the modes."""
    field = _network(dim, channels, width=256, depth=4)
    params, coords = field.init(KEY), jnp.zeros((64, dim))

    def naive(params, coords):
        second = jax.vmap(jax.hessian(lambda p: field.apply(params, p[None])[0]))(coords)
        return jnp.trace(second, axis1=-2, axis2=-1)

    def ours(params, coords):
        return forward_laplacian(lambda x: field.apply(params, x), coords).laplacian

    costs = [_compiled_flops(f, params, coords) for f in (ours, naive, field.apply)]
    assert costs[0] < share * costs[1]
    assert costs[0] < 1.15 * (dim + 2) * costs[2]


@pytest.mark.parametrize(("channels", "passes"), [(1, 2), (2, 3), (3, 3)])
def test_what_a_gradient_costs(channels, passes):
    field = _network(2, channels, width=256, depth=4)
    params, coords = field.init(KEY), jnp.zeros((64, 2))
    ours = lambda p, x: gradient().local(lambda y: field.apply(p, y), x)  # noqa: E731
    costs = [_compiled_flops(f, params, coords) for f in (ours, field.apply)]
    assert costs[0] < 1.15 * passes * costs[1]


def _problem(measurement, dtype):
    """A field, a term, and a task of wavy targets."""
    field = _network(2, 1, width=8, depth=2)  # compiling takes most of the time
    coords = np.random.default_rng(1).uniform(-1, 1, (40, 2)).astype(dtype)
    wave = lambda p: jnp.sin(2 * p[..., :1] + p[..., 1:])  # noqa: E731
    samples = Samples(jnp.asarray(_read(measurement, wave, coords)), jnp.ones(40, dtype))
    params = jax.tree.map(lambda x: jnp.asarray(x, dtype), field.init(KEY))
    return field, Term(all_points(coords), measurement, squared_error), samples, params


def _meta_gradient(field, term, samples, summation):
    parts = algorithms.make_parts(field, (term,), (term,), Hyper("sgd", 1e-3), 2, summation)
    algorithm = algorithms.make("maml", parts)
    return jax.jit(lambda params: algorithm.meta_gradient(params, Task(samples, samples), KEY)[0])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "measurement",
    [gradient(), pytest.param(laplacian(), marks=pytest.mark.slow)],
    ids=["gradient", "laplacian"],
)
def test_meta_gradients_equal_plain_reverse_mode(measurement):
    field, term, samples, params = _problem(measurement, np.float64)

    def loss(params):
        coords = term.draw(params, samples, KEY, 0).inputs
        one = lambda p: field.apply(params, p[None])[0]  # noqa: E731
        if samples.values.shape[1] == 2:
            found = jax.vmap(jax.jacrev(one))(coords)[:, 0]
        else:
            found = jnp.trace(jax.vmap(jax.hessian(one))(coords), axis1=-2, axis2=-1)
        return jnp.mean((found - samples.values) ** 2)

    def adapted(params):
        for _ in range(2):
            params = jax.tree.map(lambda p, g: p - 1e-3 * g, params, jax.grad(loss)(params))
        return loss(params)

    expected = jax.jit(jax.grad(adapted))(params)
    for summation in (Summation(16, plain_mode_points=0), Summation(plain_mode_points=10**9)):
        found = _meta_gradient(field, term, samples, summation)(params)
        scale = float(optax.tree.norm(expected))
        chex.assert_trees_all_close(found, expected, rtol=1e-9, atol=1e-9 * scale)


def test_meta_gradients_are_finite_and_whole_in_float32():
    field, term, samples, params = _problem(laplacian(), np.float32)
    chunked, whole = (
        _meta_gradient(field, term, samples, Summation(size, plain_mode_points=0))(params)
        for size in (16, None)
    )
    chex.assert_tree_all_finite(whole)
    scale = float(optax.tree.norm(whole))
    assert scale > 0
    chex.assert_trees_all_close(chunked, whole, rtol=1e-3, atol=1e-5 * scale)


def test_tasks_side_by_side_equal_one_after_another():
    field, _, _, params = _problem(laplacian(), np.float32)
    local = laplacian().local
    coords = jnp.asarray(np.random.default_rng(2).uniform(size=(3, 5, 1, 2)), jnp.float32)
    several = jax.tree.map(lambda x: jnp.stack([x, 1.1 * x, 0.9 * x]), params)

    def read(params, coords):
        return local(lambda x: field.apply(params, x), coords)

    side_by_side = jax.jit(jax.vmap(read))(several, coords)
    in_turn = jax.jit(lambda *x: jax.lax.map(lambda a: read(*a), x))(several, coords)
    np.testing.assert_allclose(side_by_side, in_turn, rtol=1e-4, atol=1e-3)

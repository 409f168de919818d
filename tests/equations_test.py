"""Left-hand sides of differential equations in closed form, and the draws that go with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import hankel2

from metainr import fields
from metainr.evaluation.helmholtz_reference import amplitude
from metainr.measurements.equations import (
    helmholtz,
    value_and_rate,
    value_slopes_curvatures,
    wave,
)
from metainr.numerics import Summation, objective_gradient
from metainr.objectives import squared_error
from metainr.objectives.equations import (
    at_border,
    at_start,
    gaussians,
    in_window,
    with_source,
)
from metainr.types import Term

KEY = jax.random.key(0)
POINTS = np.random.default_rng(0).uniform(-1, 1, (50, 2))
EVENTS = np.random.default_rng(1).uniform(0, 1, (50, 3))


def _read(measurement, field, inputs):
    read = jax.jit(lambda x: measurement.pool(measurement.local(field, measurement.points(x)), x))
    return np.asarray(read(inputs))


def _field(in_dim, out_dim, dtype=jnp.float64):
    options = fields.FieldOptions(in_dim, out_dim, 12, 3, omega=3.0, first_omega=4.0)
    field = fields.make("siren", options)
    params = jax.tree.map(lambda x: x.astype(dtype), field.init(KEY))
    return lambda coords: field.apply(params, coords)


def test_derivatives_against_a_hessian(float64):
    field = _field(3, 2)
    found = value_slopes_curvatures(field, jnp.asarray(EVENTS))
    slopes = jax.vmap(jax.jacfwd(field))(EVENTS)  # [n, c, d]
    curvatures = jax.vmap(jax.hessian(field))(EVENTS)
    parts = [field(EVENTS), *jnp.moveaxis(slopes, 2, 0)]
    parts += [curvatures[:, :, i, i] for i in range(3)]
    np.testing.assert_allclose(found, jnp.concatenate(parts, -1), rtol=1e-9, atol=1e-9)


def test_derivatives_cost_five_evaluations_in_the_plane():
    field = _field(2, 2, jnp.float32)
    points = jnp.zeros((256, 2))
    cost = lambda f: jax.jit(f).lower(points).compile().cost_analysis()["flops"]  # noqa: E731
    assert cost(lambda x: value_slopes_curvatures(field, x)) < 7 * cost(field)


def _plane_wave(p):
    angle = 3 * p[..., 0] - 4 * p[..., 1]
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def test_plane_waves_solve_the_equation_between_the_layers(float64):
    inside = POINTS / 2
    np.testing.assert_allclose(_read(helmholtz(5.0), _plane_wave, inside), 0, atol=1e-12)
    found = _read(helmholtz(7.0), _plane_wave, inside)
    np.testing.assert_allclose(found, (1 - 25 / 49) * _plane_wave(inside), atol=1e-12)


def _stretched(x, layer, absorption):
    """x̃ = ∫₀ˣ e dx."""
    depth = np.maximum(np.abs(x) - 1 + layer, 0)
    return x - 1j * np.sign(x) * absorption * depth**3 / (3 * layer**2)


def test_a_wave_that_goes_out_decays_in_the_layer(float64):
    """exp(−i k x̃) solves it everywhere, x̃ being the stretched coordinate."""
    k, layer, absorption = 6.0, 0.4, 3.0

    def outgoing(p):
        x, y = p[..., 0], p[..., 1]
        depths = [jnp.maximum(jnp.abs(c) - 1 + layer, 0) for c in (x, y)]
        fade, turn = 0.0, 0.0
        for c, depth, share in zip((x, y), depths, (0.6, 0.8)):
            fade += k * share * jnp.sign(c) * absorption * depth**3 / (3 * layer**2)
            turn += k * share * c
        return jnp.exp(-fade)[..., None] * jnp.stack([jnp.cos(turn), -jnp.sin(turn)], -1)

    u = outgoing(POINTS)
    x, y = (_stretched(c, layer, absorption) for c in POINTS.T)
    expected = np.exp(-1j * k * (0.6 * x + 0.8 * y))
    np.testing.assert_allclose(u, np.stack([expected.real, expected.imag], -1), atol=1e-12)
    found = _read(helmholtz(k, layer, absorption), outgoing, POINTS)
    np.testing.assert_allclose(found, 0, atol=1e-10)
    right, border = (abs(np.exp(-1j * k * _stretched(np.array(x), 0.5, 5.0))) for x in (0.4, 1.0))
    np.testing.assert_allclose(border / right, np.exp(-k * 5 * 0.5 / 3))


def test_the_layers_operator_against_its_divergence_form(float64):
    """∂_x(e_y/e_x ∂_x u) + ∂_y(e_x/e_y ∂_y u) + e_x e_y k² u, differentiated by JAX."""
    k, layer, absorption = 4.0, 0.6, 2.0
    field = _field(2, 2)

    def e(x):
        return 1 - 1j * absorption * (jnp.maximum(jnp.abs(x) - 1 + layer, 0) / layer) ** 2

    def u(p):
        return jax.lax.complex(*field(p))

    def along(function, p, i):
        return jax.jvp(function, (p,), (jnp.eye(2)[i],))[1]

    def flux(i):
        return lambda p: e(p[1 - i]) / e(p[i]) * along(u, p, i)

    def operator(p):
        bent = along(flux(0), p, 0) + along(flux(1), p, 1)
        return (bent + e(p[0]) * e(p[1]) * k**2 * u(p)) / k**2

    expected = jax.vmap(operator)(jnp.asarray(POINTS))
    found = _read(helmholtz(k, layer, absorption), field, POINTS)
    np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], expected, rtol=1e-9, atol=1e-9)


def test_the_field_of_a_point_source():
    """(Δ + k²) of −(i/4) H₀⁽²⁾(k r) is zero but at the source, and its flux there is −1."""
    k, h = 8.0, 1e-3
    u = lambda x, y: -0.25j * hankel2(0, k * np.hypot(x, y))  # noqa: E731
    x, y = 0.3, 0.2
    around = u(x + h, y) + u(x - h, y) + u(x, y + h) + u(x, y - h) - 4 * u(x, y)
    assert abs(around / h**2 + k**2 * u(x, y)) < 1e-3
    r = 1e-5
    flux = 2 * np.pi * r * (u(r * (1 + 1e-4), 0) - u(r * (1 - 1e-4), 0)) / (2e-4 * r)
    assert abs(flux + 1) < 1e-4


def test_standing_waves_solve_the_wave_equation(float64):
    def standing(p, speed):
        t, x, y = p[..., 0], p[..., 1], p[..., 2]
        return (jnp.cos(5 * speed * t) * jnp.sin(3 * x) * jnp.cos(4 * y))[..., None]

    solved = _read(wave(2.0), lambda p: standing(p, 2.0), EVENTS)
    np.testing.assert_allclose(solved, 0, atol=1e-12)
    other = _read(wave(1.0, length=0.5), lambda p: standing(p, 2.0), EVENTS)
    # u_tt = −100 u and Δu = −25 u
    np.testing.assert_allclose(other, 0.25 * -75 * standing(EVENTS, 2.0), atol=1e-10)


def test_value_and_rate():
    field = lambda p: jnp.stack([p[..., 0] ** 2 * p[..., 1], p[..., 0] * p[..., 2]], -1)  # noqa: E731
    t, x, y = EVENTS.T
    expected = np.stack([t**2 * x, t * y, 0.1 * 2 * t * x, 0.1 * y], -1)
    np.testing.assert_allclose(_read(value_and_rate(0.1), field, EVENTS), expected, rtol=1e-5)


def test_a_mean_over_points_about_a_source_is_one_over_the_domain():
    width, position = 0.05, jnp.array([[0.2, -0.3]])
    rows = with_source(40_000, width, 3.0)(None, position, KEY, 0)
    mean = np.average(rows.targets[:, 0], weights=rows.weights)
    assert mean == pytest.approx(-3 * 2 * np.pi * width**2 / 4, rel=0.03)
    x = np.average(rows.inputs[:, 0], weights=rows.weights)
    assert x == pytest.approx(0, abs=0.02)
    assert np.all(rows.targets[:, 1] == 0) and np.all(rows.weights > 0)
    assert np.abs(rows.inputs).max() <= 1


def test_a_quarter_of_the_start_is_seen_where_the_pulse_is():
    width, position = 0.05, jnp.array([[0.2, -0.3]])
    rows = at_start(40_000, width)(None, position, KEY, 0)
    near = np.abs(rows.inputs[:, 1:] - position).max(-1) <= 4 * width
    assert near.mean() == pytest.approx(0.25 + 0.75 * 0.2**2, rel=0.05)
    mean = np.average(rows.targets[:, 0], weights=rows.weights)
    assert mean == pytest.approx(2 * np.pi * width**2 / 4, rel=0.03)


@pytest.mark.parametrize("positions", [[[0.9, 0.0]], [[0.2, 0.1], [-0.8, 0.8]]])
def test_means_are_over_the_domain_where_pulses_reach_beyond(positions):
    rows = at_start(40_000, 0.1)(None, jnp.array(positions), KEY, 0)
    x, y = rows.inputs[:, 1:].T
    for values, mean in ((x, 0), (y, 0), (x**2, 1 / 3), (x * y, 0), (y**2, 1 / 3)):
        assert np.average(values, weights=rows.weights) == pytest.approx(mean, abs=0.02)
    assert np.mean(rows.weights) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("draw", [at_start(1, 0.1), with_source(1, 0.1, 1.0)])
def test_a_single_point_lies_anywhere(draw):
    rows = draw(None, jnp.array([[0.1, 0.0]]), KEY, 0)
    assert np.all(rows.weights == 1) and len(rows.inputs) == 1


def test_sources_together_are_as_strong_as_one():
    positions = jnp.array([[0.0, 0.0], [0.3, 0.1]])
    both = gaussians(jnp.asarray(POINTS), positions, 0.2)
    each = [gaussians(jnp.asarray(POINTS), positions[i : i + 1], 0.2) for i in range(2)]
    np.testing.assert_allclose(both, sum(each) / 2, rtol=1e-5)
    rows = with_source(20_000, 0.1, amplitude(0.1))(None, positions, KEY, 0)
    mean = np.average(rows.targets[:, 0], weights=rows.weights)
    assert 4 * mean == pytest.approx(-4, rel=0.05)  # the integral


def test_windows_and_starts():
    ends = [in_window(500, 0.4, 10)(None, None, KEY, step).inputs[:, 0].max() for step in (0, 4)]
    np.testing.assert_allclose(ends, [0.04, 0.2], rtol=0.02)
    assert in_window(500, 0.4)(None, None, KEY, 0).inputs[:, 0].max() > 0.39
    border = at_border(400, 0.4)(None, None, KEY, 0).inputs
    np.testing.assert_allclose(np.abs(border[:, 1:]).max(-1), 1)
    assert border[:, 0].min() >= 0 and 0.39 < border[:, 0].max() <= 0.4
    for side in ([1, 0], [-1, 0], [0, 1], [0, -1]):
        assert 60 < np.sum(np.asarray(border[:, 1:]) @ side == 1) < 140
    start = at_start(30, 0.1)(None, jnp.array([[0.1, 0.0]]), KEY, 0)
    assert np.all(start.inputs[:, 0] == 0) and np.all(start.targets[:, 1] == 0)
    distance = np.hypot(start.inputs[:, 1] - 0.1, start.inputs[:, 2])
    np.testing.assert_allclose(start.targets[:, 0], np.exp(-(distance**2) / 0.02), atol=1e-6)


def test_a_solution_has_no_loss():
    """Of the wave equation: a field that is d'Alembert's u of a pulse in one coordinate."""

    def u(params, coords):
        pulse = lambda s: jnp.exp(-(s**2) / (2 * 0.3**2))  # noqa: E731
        t, x = coords[..., 0], coords[..., 1]
        return params * (pulse(x - t) + pulse(x + t))[..., None] / 2

    term = Term(in_window(64, 0.4), wave(length=0.3), squared_error)
    loss, slope = objective_gradient((term,), u, Summation(None))(jnp.array(1.0), None, KEY, 0)
    assert loss < 1e-10 and abs(slope) < 1e-9

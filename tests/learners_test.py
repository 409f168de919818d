"""Meta-learners beside MAML against closed forms, finite differences, and MAML."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_tasks import KEY, RATE, SIREN, coords_of, linear_field, random_like, siren_task

from metainr import algorithms, fields
from metainr.algorithms import adapt, layers, make_parts
from metainr.algorithms.bootstrapped import BootstrappedOptions
from metainr.algorithms.conjugate_gradients import conjugate_gradients
from metainr.algorithms.gradncp import GradncpOptions
from metainr.algorithms.imaml import ImamlOptions
from metainr.algorithms.maml_plus_plus import MamlPlusPlusOptions
from metainr.algorithms.nearest import NearestOptions
from metainr.algorithms.strainer import StrainerOptions
from metainr.errors import UserError
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.numerics.pruning import pruned, scores
from metainr.numerics.residuals import objective_residuals
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Hyper, Task, Term

RNG = np.random.default_rng(4)
X, SEEN, ASKED, START = (RNG.normal(size=s) for s in ((9, 3), (9, 1), (9, 1), (3, 1)))
HESSIAN = 2 * X.T @ X / 9
pytestmark = pytest.mark.usefixtures("float64")


def _best(values):
    return np.linalg.lstsq(X, values, rcond=None)[0]


def _made(name, options, steps):
    """The algorithm for L(w) = mean (Xw − y)² of a linear field."""
    objective = (Term(all_points(X), value(), squared_error),)
    parts = make_parts(
        linear_field(jnp.asarray(START)), objective, objective, Hyper("sgd", RATE), steps,
        Summation(4),
    )  # fmt: skip
    return algorithms.make(name, parts, options)


def _found(name, options, steps, outer_step=0):
    support, query = (Samples(jnp.asarray(y), jnp.ones(9)) for y in (SEEN, ASKED))
    task = Task(support, query, outer_step=jnp.asarray(outer_step))
    return jax.jit(_made(name, options, steps).meta_gradient)(jnp.asarray(START), task, KEY)


def _shrunk(steps, rate=RATE):
    return np.linalg.matrix_power(np.eye(3) - rate * HESSIAN, steps)


def _after(start, steps, rate=RATE):
    return _best(SEEN) + _shrunk(steps, rate) @ (start - _best(SEEN))


def _slope(w):
    return HESSIAN @ (w - _best(ASKED))


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_implicit_gradients_in_closed_form(strength):
    """At the regularised minimum φ = (H + λI)⁻¹ (H w* + λ θ₀) the gradient is λ (H + λI)⁻¹ ∇L_q."""
    pulled = HESSIAN + strength * np.eye(3)
    nearest = np.linalg.solve(pulled, HESSIAN @ _best(SEEN) + strength * START)
    found, info = _found("imaml", ImamlOptions(strength, solver_steps=3), steps=400)
    wanted = strength * np.linalg.solve(pulled, _slope(nearest))
    np.testing.assert_allclose(found, wanted, rtol=1e-8)
    assert info["solver_residual"] < 1e-8 and info["stationarity"] < 1e-8


def test_a_strong_pull_gives_first_order_maml():
    found, _ = _found("imaml", ImamlOptions(1e6, 3), steps=1)
    np.testing.assert_allclose(found, _slope(_after(START, 1)), rtol=1e-5)


def test_fits_are_pulled_at_test_time_too():
    inner = _made("imaml", ImamlOptions(3.0), 5).make_inner(Hyper("sgd", RATE))
    support = Samples(jnp.asarray(SEEN), jnp.ones(9))
    found, _ = adapt(inner, jnp.asarray(START), support, KEY, 300)
    pulled = HESSIAN + 3 * np.eye(3)
    nearest = np.linalg.solve(pulled, HESSIAN @ _best(SEEN) + 3 * START)
    np.testing.assert_allclose(found, nearest, rtol=1e-8)


def test_conjugate_gradients_stop_where_curvature_is_not_positive():
    matrix = jnp.diag(jnp.array([2.0, -1.0]))
    target = jnp.array([1.0, 1.0])
    x, residual = conjugate_gradients(lambda v: matrix @ v, target, 1)
    np.testing.assert_allclose(x, 2 * target)
    after, left = conjugate_gradients(lambda v: matrix @ v, target, 9)
    np.testing.assert_allclose(left, target - matrix @ after, atol=1e-12)
    assert jnp.isfinite(after).all()
    solved, left = conjugate_gradients(lambda v: 3 * v, target, 9)
    np.testing.assert_allclose(solved, target / 3)
    np.testing.assert_allclose(left, 0, atol=1e-12)


def test_bootstrapped_in_closed_form():
    """½ ‖θ_m − θ_b‖² has the slope θ_m − θ_b in θ_m, and θ_m contracts by (I − αH)^m."""
    found, _ = _found("bootstrapped", BootstrappedOptions(4, 0.05), steps=2)
    reached = _after(START, 2)
    wanted = _shrunk(2) @ (reached - _after(reached, 4, 0.05))
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("outer_step", [0, 10, 15, 40])
def test_losses_of_all_steps_in_closed_form(outer_step):
    options = MamlPlusPlusOptions(spread_steps=20, first_order_steps=10)
    found, _ = _found("maml_plus_plus", options, 3, outer_step)
    come = min(outer_step / 20, 1)
    shares = (1 - come) / 3 + come * np.array([0, 0, 1])
    wanted = 0
    for k, share in enumerate(shares, 1):
        pulled = np.eye(3) if outer_step < 10 else _shrunk(k)
        wanted += share * pulled @ _slope(_after(START, k))
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize(
    "name, options",
    [
        ("maml_plus_plus", MamlPlusPlusOptions(0, 0)),
        ("gradncp", GradncpOptions(share=1, target_weight=0)),
    ],
)
def test_without_what_is_theirs_they_are_maml(name, options):
    parts, params, task = siren_task(np.float64, "sgd", 3)
    wanted, _ = jax.jit(algorithms.make("maml", parts).meta_gradient)(params, task, KEY)
    found, _ = jax.jit(algorithms.make(name, parts, options).meta_gradient)(params, task, KEY)
    chex.assert_trees_all_close(found, wanted, rtol=1e-8, atol=1e-12)


def test_anil_adapts_the_last_layer_alone():
    parts, params, task = siren_task(np.float64, "sgd", 3)
    params = jax.tree.map(jnp.asarray, params)
    algorithm = algorithms.make("anil", _with_float64(parts))
    inner = algorithm.make_inner(parts.hyper)
    found, _ = adapt(inner, params, task.support, KEY, 3)
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), found, params)
    assert {name for name, layer in moved.items() if any(layer.values())} == {"dense_2"}


def test_anil_against_finite_differences():
    parts, params, task = siren_task(np.float64, "sgd", 3)
    algorithm = algorithms.make("anil", _with_float64(parts))
    inner = algorithm.make_inner(parts.hyper)
    support_key, query_key = jax.random.split(KEY)

    @jax.jit
    def outer_loss(start):
        adapted, _ = adapt(inner, start, task.support, support_key, 3)
        return parts.query(adapted, task.query, query_key, 3)[0]

    found, _ = jax.jit(algorithm.meta_gradient)(params, task, KEY)
    direction, eps = random_like(params, jax.random.key(9)), 1e-6
    ahead, behind = (
        outer_loss(jax.tree.map(lambda p, d, e=e: p + e * d, params, direction))
        for e in (eps, -eps)
    )
    slope = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, found, direction)))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * eps), rtol=2e-6)


def test_anil_wants_a_last_layer():
    with pytest.raises(UserError, match="no last linear layer"):
        _made("anil", None, 1)


def test_scores_are_the_norms_of_gradients_in_the_last_layer():
    _, params, task = siren_task(np.float64, "sgd", 1)
    objective = (Term(all_points(coords_of(np.float64)), value(), squared_error),)
    (residuals,) = objective_residuals(objective, SIREN)(params, task.support, KEY, 0)

    def half_square(last, point, target):
        whole = {**params, "dense_2": last}
        return 0.5 * jnp.sum((SIREN.apply(whole, point) - target) ** 2)

    slopes = jax.vmap(jax.grad(half_square), (None, 0, 0))(
        params["dense_2"], jnp.asarray(coords_of(np.float64)), task.support.values
    )
    norms = jnp.sqrt(sum((x.reshape(20, -1) ** 2).sum(1) for x in jax.tree.leaves(slopes)))
    np.testing.assert_allclose(scores(residuals), norms, rtol=1e-10)


def test_what_is_wrong_in_one_part_is_what_is_kept():
    _, params, _ = siren_task(np.float64, "sgd", 1)
    coords = coords_of(np.float64)
    wrong = coords[:, 0] < np.sort(coords[:, 0])[5]
    targets = SIREN.apply(params, jnp.asarray(coords)) + 5.0 * wrong[:, None]
    weights = np.ones(20)
    weights[np.argmax(wrong)] = 0  # padding is not worth a step
    objective = (Term(all_points(coords), value(), squared_error),)
    (term,) = pruned(objective, SIREN, 0.2)
    kept = term.draw(params, Samples(targets, jnp.asarray(weights)), KEY, 0)
    assert kept.inputs.shape == (4, 2) and (kept.weights == 1).all()
    assert (kept.inputs[:, 0] < np.sort(coords[:, 0])[5]).all()


def _with_float64(parts):
    """Shapes of the weights as the tests have them."""
    return parts._replace(
        init=lambda key: jax.tree.map(lambda x: x.astype(jnp.float64), SIREN.init(key))
    )


def test_fields_without_a_hidden_layer_are_pruned_by_their_errors():
    field = fields.Field(lambda key: jnp.asarray(START), lambda w, x: x @ w)
    objective = (Term(all_points(X), value(), squared_error),)
    support = Samples(jnp.asarray(SEEN), jnp.ones(9))
    (residuals,) = objective_residuals(objective, field)(jnp.asarray(START), support, KEY, 0)
    np.testing.assert_allclose(scores(residuals), np.abs(X @ START - SEEN)[:, 0], rtol=1e-10)


def test_heads_learn_apart_and_layers_together():
    parts, _, task = siren_task(np.float64, "sgd", 1)
    algorithm = algorithms.make("strainer", _with_float64(parts), StrainerOptions(heads=3))
    learned = algorithm.init(KEY)
    found = [algorithm.meta_gradient(learned, task._replace(number=n), KEY)[0] for n in range(3)]
    for number, gradient in enumerate(found):
        head = {name: rows[number] for name, rows in learned.heads.items()}
        whole = layers.replaced(learned.shared, head)
        slopes = layers.by_name(parts.query(whole, task.query, KEY, 0)[1])
        for name, slope in layers.by_name(gradient.shared).items():
            wanted = 0 * slope if name in learned.heads else slopes[name]
            np.testing.assert_allclose(slope, wanted, rtol=1e-10, atol=1e-14)
        for name, rows in gradient.heads.items():
            np.testing.assert_allclose(rows[number], slopes[name], rtol=1e-10)
            assert not np.delete(np.asarray(rows), number, axis=0).any()


def test_the_ridge_solution_leaves_the_last_layer_no_slope():
    parts, _, task = siren_task(np.float64, "sgd", 1)
    options = StrainerOptions(heads=3, start="ridge")
    algorithm = algorithms.make("strainer", _with_float64(parts), options)
    inner = algorithm.make_inner(Hyper("sgd", 0.1))
    state, info = inner.step(inner.init(algorithm.init(KEY)), task.support, KEY)
    loss, slope = parts.query(inner.params(state), task.support, KEY, 0)
    assert loss < info["loss"]
    leaves = layers.by_name(slope)
    others = max(float(jnp.abs(leaf).max()) for leaf in leaves.values())
    for name in layers.last_layer(slope):
        assert float(jnp.abs(leaves[name]).max()) < 1e-3 * others
    # A second step is one of the optimizer.
    after, _ = inner.step(state, task.support, KEY)
    moved = jax.tree.map(lambda p, g: p - 0.1 * g, inner.params(state), slope)
    chex.assert_trees_all_close(inner.params(after), moved, rtol=1e-8)


def test_the_nearest_fit_is_taken_first():
    parts, params, task = siren_task(np.float64, "sgd", 1)
    algorithm = algorithms.make("nearest", _with_float64(parts), NearestOptions(signals=4))
    fits = jax.tree.map(lambda x: jnp.stack([x + 0.1 * i for i in range(4)]), params)
    coords = jnp.asarray(coords_of(np.float64))
    wanted = jax.tree.map(lambda x: x[2], fits)
    support = task.support._replace(values=SIREN.apply(wanted, coords))
    inner = algorithm.make_inner(Hyper("sgd", 0.1))
    state, info = inner.step(inner.init(algorithm.init(KEY)._replace(fits=fits)), support, KEY)
    chex.assert_trees_all_equal(inner.params(state), wanted)
    assert info["loss"] > 0
    gradient, _ = algorithm.meta_gradient(
        algorithm.init(KEY)._replace(fits=fits), task._replace(number=1), KEY
    )
    second = jax.tree.map(lambda x: x[1], fits)
    _, slope = parts.query(second, task.query, KEY, 0)
    chex.assert_trees_all_close(jax.tree.map(lambda x: x[1], gradient.fits), slope, rtol=1e-10)


def test_arithmetic_updates_weigh_gradients_by_how_often_they_count():
    targets = [SEEN, ASKED, SEEN - ASKED]
    algorithm, start = _made("arithmetic", None, 1), jnp.asarray(START)
    first, *others = (Samples(jnp.asarray(target), jnp.ones(9)) for target in targets)
    task = Task(first, first, others=tuple(others))
    found, _ = algorithm.meta_gradient(start, task, KEY)

    def update(order):
        weights, stops = START, []
        for target in order:
            weights = _best(target) + _shrunk(1) @ (weights - _best(target))
            stops.append(weights)
        return START - np.mean(stops, 0)

    updates = [update(order) for order in itertools.permutations(targets)]
    assert min(np.abs(found - wanted).max() for wanted in updates) < 1e-12
    alone, reptile = (_found(name, None, 3)[0] for name in ("arithmetic", "reptile"))
    np.testing.assert_allclose(alone, reptile, rtol=1e-10)

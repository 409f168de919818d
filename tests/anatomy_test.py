"""What learning did to a field: kernels, barriers, changes and bounds that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import learn_here, run_here
from tiny_tasks import KEY, SIREN, coords_of

from experiments import anatomy as program
from metainr import fields
from metainr.errors import UserError
from metainr.evaluation.anatomy.adaptation import changes
from metainr.evaluation.anatomy.bounds import DELTA, WIDTHS, pac_bayes
from metainr.evaluation.anatomy.kernel import alignment, spectrum, tangent_kernel
from metainr.evaluation.anatomy.landscape import make_barrier
from metainr.json_files import read_json
from metainr.runs.learning import num_seen, seen_signals
from metainr.runs.options import LearnerOptions, OuterOptions
from metainr.runs.regression import of_grid
from metainr.training.data import training_batches
from metainr.types import SignalClass

RNG = np.random.default_rng(5)
FEATURES = RNG.normal(size=(12, 4))


@pytest.mark.usefixtures("float64")
def test_the_kernel_of_a_linear_field_is_that_of_its_features():
    weights = jnp.asarray(RNG.normal(size=(4, 2)))
    found = tangent_kernel(lambda w, rows: rows @ w, weights, FEATURES)
    np.testing.assert_allclose(found, 2 * FEATURES @ FEATURES.T, rtol=1e-10)
    # A step of gradient descent on the mean loss of one channel.
    target, rate = RNG.normal(size=(12, 1)), 0.1

    def loss(w):
        return jnp.mean((FEATURES @ w - target) ** 2)

    column = weights[:, :1]
    moved = FEATURES @ (column - rate * jax.grad(loss)(column)) - target
    kernel = tangent_kernel(lambda w, rows: rows @ w, column, FEATURES)
    expected = (np.eye(12) - 2 * rate * kernel / 12) @ (FEATURES @ column - target)
    np.testing.assert_allclose(moved, expected, rtol=1e-10)


@pytest.mark.usefixtures("float64")
def test_the_kernel_does_not_know_the_order_of_hidden_units():
    params = jax.tree.map(lambda x: x.astype(jnp.float64), SIREN.init(KEY))
    coords, order = jnp.asarray(coords_of(np.float64)), RNG.permutation(8)
    first, second = params["dense_0"], params["dense_1"]
    permuted = params | {
        "dense_0": {"kernel": first["kernel"][:, order], "bias": first["bias"][order]},
        "dense_1": second | {"kernel": second["kernel"][order]},
    }
    found, other = (tangent_kernel(SIREN.apply, p, coords) for p in (params, permuted))
    np.testing.assert_allclose(found, other, rtol=1e-9)


def test_energy_is_whole_and_lies_where_the_signals_are():
    kernel = FEATURES @ FEATURES.T
    vectors = spectrum(kernel).vectors
    found = alignment(kernel, RNG.normal(size=(30, 12)))
    np.testing.assert_allclose(found.energy[-1], 1, rtol=1e-10)
    assert (np.diff(found.energy) >= -1e-12).all()
    # Of signals within the two first eigenvectors of a kernel whose eigenvectors have no mean.
    middle = np.eye(12) - 1 / 12
    centred = middle @ kernel @ middle
    vectors = spectrum(centred).vectors
    inside = alignment(centred, RNG.normal(size=(30, 2)) @ vectors[:, :2].T)
    np.testing.assert_allclose(inside.energy[1], 1, rtol=1e-10)
    # The covariance of white signals in the features is the kernel itself.
    same = alignment(centred, np.linalg.cholesky(centred + 1e-12 * np.eye(12)).T)
    np.testing.assert_allclose(same.alignment, 1, atol=1e-2)


def test_a_line_has_no_barrier_in_a_linear_field_and_one_between_permuted_copies():
    def linear(w):
        return FEATURES @ w

    weights = [jnp.asarray(RNG.normal(size=(4, 1)), jnp.float32) for _ in range(2)]
    targets = [np.asarray(linear(w)) + 0.1 for w in weights]
    assert make_barrier(linear)(*weights, *targets).drop == pytest.approx(0, abs=1e-2)
    params, order = SIREN.init(KEY), np.arange(8)[::-1]
    first, second = params["dense_0"], params["dense_1"]
    permuted = params | {
        "dense_0": {"kernel": first["kernel"][:, order], "bias": first["bias"][order]},
        "dense_1": second | {"kernel": second["kernel"][order]},
    }
    coords = coords_of(np.float32)

    def siren(p):
        return SIREN.apply(p, coords)

    target = np.asarray(siren(params)) + 0.01
    assert make_barrier(siren)(params, permuted, target, target).drop > 1


def test_the_rank_of_a_change_is_that_of_its_outer_products():
    start = RNG.normal(size=(6, 5))
    axes = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    step = sum(np.outer(np.eye(6)[i], axes[i]) for i in range(3))
    found = changes({"kernel": start}, {"kernel": start + step})["kernel"]
    assert found.rank == pytest.approx(3) and found.full_rank == 5
    assert found.size == pytest.approx(3**0.5 / np.linalg.norm(start))


def test_the_bound_is_the_formula_where_the_loss_knows_nothing_of_the_weights():
    learned, start = ({"a": np.array(x, np.float32)} for x in ([0, 0, 0], [0, 3e-2, 4e-2]))
    signals = [0.1, 0.3] * 50
    found = pac_bayes(lambda params, signal: jnp.asarray(signal), learned, start, signals, KEY)
    assert found.width == max(WIDTHS) and found.training == pytest.approx(0.2)
    divergence = 0.05**2 / (2 * found.width**2)
    assert found.divergence == pytest.approx(divergence, rel=1e-6)
    slack = divergence + np.log(2 * 10 * len(WIDTHS) / DELTA)
    assert found.bound == pytest.approx(0.2 + (slack / 200) ** 0.5)


def test_the_program_tells_all_of_a_run(tmp_path, capsys):
    learn_here(tmp_path / "run", "--train_signals=3")
    flags = ("--kernel_signals=3", "--fitted_signals=2", "--long_steps=2")
    runs = f"--runs={tmp_path / 'run'}"
    assert run_here(tmp_path / "page", runs, *flags, experiment=program) == 0
    record = read_json(tmp_path / "page" / "anatomy.json", "")["runs"]["run"]
    assert [*record["kernel"]] == ["standard", "mean", "shuffled", "meta"]
    # Two steps of one task come to two of the three signals.
    assert record["gap"]["train_signals"] == 2 and record["bound"]["bound"] > 0
    assert "Tangent kernels and the class" in capsys.readouterr().out
    assert (tmp_path / "page" / "report.html").read_text().count('<img class="figure"') == 3
    assert run_here(tmp_path / "none", experiment=program) == 1
    assert "--runs names no runs; give e.g." in capsys.readouterr().err


def test_seen_signals_are_those_that_training_came_to():
    """Two steps of three tasks see six of many; a small set is seen whole, each signal once."""
    numbered = SignalClass(
        {"train": 50, "validation": 1, "test": 1},
        lambda split, index: np.full((4, 4, 3), index / 50, np.float32),
    )
    field = fields.make("siren", width=4, depth=2)
    problem = of_grid(field, numbered, (4, 4), (0, 1), 1, 1)
    learner, outer = LearnerOptions(), OuterOptions(tasks_per_step=3, train_steps=2)
    batches = training_batches(numbered, 3, seed=7)
    expected = [int(number) for _ in range(2) for number in next(batches).number]

    def found(outer):
        signals = seen_signals(problem, learner, outer, 7, 99)
        assert num_seen(problem, learner, outer) == len(signals)
        return [round(50 * float(signal[0, 0, 0])) for signal in signals]

    assert found(outer) == expected
    assert sorted(found(outer._replace(train_signals=4, train_steps=9))) == [0, 1, 2, 3]


def test_signals_that_say_nothing_are_refused():
    kernel = FEATURES @ FEATURES.T
    for signals in (np.ones((3, 12)), np.tile(np.arange(12.0), (3, 1))):
        with pytest.raises(UserError, match="constant or all alike; give a class of others"):
            alignment(kernel, signals)

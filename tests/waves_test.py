"""Wave problems end to end: runs, what they write, and mistakes in one line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags, logging
from absl.testing import flagsaver
from tiny_runs import run_here

from experiments import cli, waves
from experiments.config import RunOptions
from experiments.pde import helmholtz, wave_equation
from experiments.pde.equation import red_blue
from experiments.pde.waves_flags import WaveOptions
from experiments.run import shared_flags
from metainr.numerics import Summation, num_points, objective_gradient
from metainr.reporting import read_results
from metainr.signals.waves.sources import SourceOptions, single, sources

TINY = ("--inner_points=64", "--num_validation=1", "--num_test=1", "--checkpoint_every=2")


def _run(workdir, *arguments):
    return run_here(workdir, *TINY, *arguments, experiment=waves)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("waves") / "run"
    assert _run(workdir) == 0
    return workdir


@pytest.fixture
def refused(tmp_path, capfd):
    """Runs with flags that must be refused, leaving nothing behind: the one line on stderr."""

    def run(*arguments):
        capfd.readouterr()
        assert _run(tmp_path / "run", *arguments) == 1
        lines = capfd.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), lines
        assert not (tmp_path / "run").exists()
        return lines[0]

    return run


def test_a_learned_init_is_compared(trained):
    inits = read_results(trained)["settings"]["default"]["inits"]
    assert list(inits) == ["standard", "mean", "matched", "shuffled", "meta"]
    for entry in inits.values():
        for metric in ("psnr", "relative_error"):
            assert np.isfinite(entry["metrics"][metric]["mean"]).all()
    assert "The real part of u" in (trained / "report.html").read_text()


@pytest.mark.slow
def test_one_source_from_a_learned_init(trained, tmp_path):
    workdir = tmp_path / "run"
    assert _run(workdir, f"--init={trained}", "--source=0.1,-0.2") == 0
    results = read_results(workdir)
    assert results["num_test"] == 1 and "meta" in results["settings"]["default"]["inits"]
    (path,) = (workdir / "fits").rglob("*meta.npz")
    fit = np.load(path)
    assert list(fit) == ["y", "x", "u", "reference", "source"]  # the axes in their order
    assert fit["u"].shape == fit["reference"].shape == (len(fit["y"]), len(fit["x"]))
    assert fit["u"].dtype == np.complex64
    row, column = np.unravel_index(np.abs(fit["reference"]).argmax(), fit["u"].shape)
    np.testing.assert_allclose([fit["x"][column], fit["y"][row]], [0.1, -0.2], atol=0.07)


@pytest.mark.slow
def test_a_wave_alone(tmp_path):
    arguments = ("--equation=wave", "--algorithm=none", "--window_steps=2")
    assert _run(tmp_path / "run", *arguments) == 0
    (path,) = (tmp_path / "run" / "fits").rglob("*.npz")
    fit = np.load(path)
    assert list(fit)[:3] == ["t", "y", "x"] and fit["u"].shape == (9, 16, 16)
    # The points nearest to the source lie at (±1/15, ±1/15).
    np.testing.assert_allclose(fit["reference"][0].max(), np.exp(-1 / 15**2 / 0.01), rtol=1e-4)
    assert fit["t"][-1] == np.float32(0.4)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ("--algorithm=none --source=0.6,0", "--source=0.6,0 lies outside the square of sources"),
        ("--algorithm=none --source=0.6", "--source=0.6 is not possible; give a number from"),
        ("--algorithm=none --source=a,b", "--source=a,b is not possible; give a number from"),
        (
            "--algorithm=none --source=0.1,0.2,nan",
            "--source=0.1,0.2,nan is not possible; give a number from",
        ),
        (
            "--algorithm=none --source=0.1,inf",
            "--source=0.1,inf is not possible; give a number from",
        ),
        ("--algorithm=none --source=", "--source= is not possible; give a number from"),
        ("--resolution=2", "--resolution=2 has too few points along an axis"),
        ("--equation=wave --resolution=7", "--resolution=7 has too few points along an axis"),
        ("--resolution=1000000", "--resolution=1000000 is not possible; give a whole number"),
        ("--equation=wave --resolution=513", "--resolution=513 is too fine for the reference"),
        ("--source=0,0", "is one problem and none to learn from"),
        ("--wavenumber=50", "--wavenumber=50 cannot be checked"),
        ("--source_width=0", "--source_width=0 is not possible; give a number from"),
        ("--source_width=5", "--source_width=5 cannot be checked"),
        ("--equation=wave --source_width=2", "--source_width=2 cannot be checked"),
        ("--inner_points=0", "--inner_points=0 draws too few points"),
        ("--window_steps=5", "--window_steps=5 is about time"),
        ("--signal=source", "unknown class of sources 'source': did you mean sources?"),
    ],
)
def test_mistakes(refused, arguments, expected):
    assert expected in refused(*arguments.split())


def _problem(*arguments):
    with flagsaver.flagsaver():
        cli.parse(["waves", *TINY, "--resolution=8", *arguments])
        config = shared_flags.configuration(waves.EXPERIMENT)
        flags.FLAGS.mark_as_parsed()
        return waves.build(config, Summation())


def _gradient(problem, side):
    """The compiled gradient of the inner or the query objective."""
    objective = getattr(problem, side)
    return jax.jit(objective_gradient(objective, problem.field.apply, Summation()))


def _points(problem, params, task):
    """At how many points a step asks the field, by objective."""
    sides = {"inner": (problem.inner, task.support), "query": (problem.query, task.query)}
    key = jax.random.key(0)
    return {
        side: num_points(objective, params, data, key, 0)
        for side, (objective, data) in sides.items()
    }


@pytest.mark.parametrize(
    "name, module, width",
    [
        pytest.param("helmholtz", helmholtz, 0.05, marks=pytest.mark.slow),
        ("wave", wave_equation, 0.1),
    ],
)
def test_the_outer_loss_is_the_distance_to_the_solution(name, module, width):
    problem = _problem(f"--equation={name}", "--inner_points=1000")
    source = jax.tree.map(jnp.asarray, problem.signals.get("train", 0))
    assert jnp.abs(source.solution).max() > 0.1
    params = problem.field.init(jax.random.key(0))
    task = problem.make_task(source, jax.random.key(1))
    loss, _ = _gradient(problem, "query")(params, task.query, jax.random.key(2), 0)
    found = jax.jit(problem.field.apply)(params, jnp.asarray(_equation(module, width, 8).grid))
    np.testing.assert_allclose(loss, np.mean((found - source.solution) ** 2), rtol=1e-5)
    points = _points(problem, params, task)
    assert points["query"] == source.solution[..., 0].size != points["inner"]


def test_the_outer_loss_may_be_that_of_the_equation():
    problem = _problem("--outer_loss=equation")
    source = jax.tree.map(jnp.asarray, problem.signals.get("train", 0))
    assert not source.solution.any()
    params = problem.field.init(jax.random.key(0))
    task = problem.make_task(source, jax.random.key(1))
    outer, _ = _gradient(problem, "query")(params, task.query, jax.random.key(2), 0)
    inner, _ = _gradient(problem, "inner")(params, task.support, jax.random.key(2), 0)
    points = _points(problem, params, task)
    assert outer == inner and points["query"] == points["inner"]


@pytest.mark.parametrize("arguments, compared", [((), 3), (("--algorithm=none",), 5)])
def test_inits_are_compared_after_the_steps_they_were_learned_for(arguments, compared):
    setting = _problem("--inner_steps=3", "--test_steps=5", *arguments).settings["default"]
    assert setting.match_step == compared and compared in setting.steps


@pytest.mark.parametrize("equation", ["helmholtz", pytest.param("wave", marks=pytest.mark.slow)])
def test_the_fewest_points_will_do(equation):
    problem = _problem(f"--equation={equation}", "--inner_points=4")
    params = problem.field.init(jax.random.key(0))
    inner_gradient = _gradient(problem, "inner")
    loss, gradient = inner_gradient(params, jnp.zeros((1, 2)), jax.random.key(1), 0)
    assert np.isfinite(loss) and all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))


@pytest.mark.parametrize("equation", ["helmholtz", "wave"])
@pytest.mark.parametrize(
    "network, warned", [("mlp", True), ("mlp --activation=softplus", False), ("siren", False)]
)
def test_fields_without_second_derivatives_are_named(equation, network, warned, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    _problem(f"--equation={equation}", "--algorithm=none", *f"--field={network}".split())
    expected = f"--equation={equation} tells of second derivatives, which are 0 everywhere"
    assert len(lines) == warned and all(line.startswith(expected) for line in lines)


def _equation(module, width, resolution=21):
    run = RunOptions(resolution=resolution, inner_points=8)
    return module.equation(run, WaveOptions(source_width=width))


@pytest.mark.parametrize("module, width", [(helmholtz, 0.05), (wave_equation, 0.1)])
def test_solutions_lie_on_the_grid(module, width):
    equation = _equation(module, width)
    position = np.array([0.2, -0.1])
    solution = equation.solve(position)
    assert solution.shape == (*equation.grid.shape[:-1], equation.channels)
    d = len(equation.low)
    for bound, extreme in ((equation.low, np.min), (equation.high, np.max)):
        np.testing.assert_allclose(extreme(equation.grid.reshape(-1, d), axis=0), bound)
    values = np.linalg.norm(solution, axis=-1)
    values = values[0] if values.ndim == 3 else values  # of a wave at t = 0
    row, column = np.unravel_index(values.argmax(), values.shape)
    grid = equation.grid[0] if equation.grid.ndim == 4 else equation.grid
    np.testing.assert_allclose(grid[row, column, -2:], position, atol=1e-6)
    picture = equation.picture(jnp.asarray(solution), jnp.asarray(solution))
    assert picture.ndim == 3 and picture.shape[-1] == 3
    assert picture.min() >= 0 and picture.max() <= 1


@pytest.mark.parametrize(
    "module, width, words",
    [
        (helmholtz, 0.05, ("real part", "red above 0", "blue below", "grey line", "y downwards")),
        (wave_equation, 0.1, ("t = 0, 0.15, 0.25, 0.4, row by row", "red above 0", "blue below")),
    ],
)
def test_captions_say_what_pictures_show(module, width, words):
    caption = _equation(module, width).caption
    assert all(word in caption for word in words)


def test_only_what_lies_between_the_layers_counts():
    equation = _equation(helmholtz, 0.05)
    x = equation.compared(equation.grid[..., 0])
    assert x.min() == -0.5 and x.max() == 0.5 and x.shape == (11, 11)


def test_colours_of_both_signs():
    red, white, blue = red_blue(jnp.array([3.0, 0.0, -1.0]))
    assert red[0] > red[2] and blue[2] > blue[0]
    np.testing.assert_array_equal(white, 1)


def test_sources_are_where_they_say():
    options = SourceOptions(4, lambda p: np.full((4, 4, 1), p[0]), (4, 4, 1), 0.3)
    found = [sources(options).get("test", i) for i in range(20)]
    assert all(np.abs(source.position).max() <= 0.3 for source in found)
    assert len({tuple(source.position) for source in found}) == 20
    assert all(np.all(source.solution == source.position[0]) for source in found)
    assert not sources(options).get("train", 0).solution.any()
    other = sources(options._replace(seed=1)).get("test", 0)
    assert np.any(other.position != found[0].position)
    one = single(options._replace(position=(0.1, 0.2)))
    assert one.sizes == {"train": 0, "validation": 0, "test": 1}
    np.testing.assert_allclose(one.get("test", 0).position, [0.1, 0.2])

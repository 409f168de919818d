"""Signals of which only a part is seen: the rest is never read, in training nor in validation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import TINY_OWN, assert_same_bits, learn_here, run_here, state

from experiments import (
    audio,
    ct_reconstruction,
    image_regression,
    phototourism,
    poisson,
    shapes,
    video,
    view_synthesis,
    waves,
)
from experiments.scenes.view_halves import first_half_of, halves_of
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.fields import siren
from metainr.objectives import Seen, halves
from metainr.reporting import read_results
from metainr.runs import partial
from metainr.runs.regression import of_grid
from metainr.signals.clouds.scan import seen_from
from metainr.signals.partial import between_gaps, partly_seen, scattered

SEED = 0
PARTS = {"image_regression": 0.1, "audio": 0.3, "video": 0.5}
EXPERIMENTS = {"image_regression": image_regression, "audio": audio, "video": video}
WHOLE = np.random.default_rng(0).uniform(size=(3, 6, 8, 2)).astype(np.float32)


def _places(name, problem, split, index):
    return np.asarray(problem.signals.get(split, index).places).reshape(-1)


def _poisoned(whole, seen):
    """The class with NaN at every point of training and validation that is not seen."""

    def get(split, index):
        signal = whole.get(split, index)
        if split == "test":
            return signal
        places = np.asarray(seen.get(split, index).places).reshape(-1)
        points = np.full_like(signal.reshape(-1, signal.shape[-1]), np.nan)
        points[places] = signal.reshape(points.shape)[places]
        return points.reshape(signal.shape)

    return whole._replace(get=get)


@pytest.mark.parametrize(
    "name",
    ["image_regression", *(pytest.param(n, marks=pytest.mark.slow) for n in ("audio", "video"))],
)
def test_what_is_not_seen_is_never_read(name, tmp_path, monkeypatch):
    """A training whose unseen values are NaN is the same to the bit, its validation too."""
    experiment, make, found = EXPERIMENTS[name], signals.make, []
    build = experiment.EXPERIMENT.build

    def keep(config, summation):
        found.append(build(config, summation))
        return found[-1]

    monkeypatch.setattr(experiment, "EXPERIMENT", experiment.EXPERIMENT._replace(build=keep))
    flags = (*TINY_OWN.get(name, ()), f"--train_seen={PARTS[name]}", "--eval_every=1")
    learn_here(tmp_path / "clean", *flags, experiment=experiment)
    clean = found[-1]
    monkeypatch.setattr(signals, "make", lambda *given: _poisoned(make(*given), clean.signals))
    learn_here(tmp_path / "poisoned", *flags, experiment=experiment)
    poisoned = found[-1]
    arrays = state(tmp_path / "clean", 2)
    assert_same_bits(arrays, state(tmp_path / "poisoned", 2))
    assert all(np.isfinite(leaf).all() for leaf in arrays.values())
    for found, expected in zip(poisoned.mean_support(3), clean.mean_support(3)):
        np.testing.assert_array_equal(found, expected)
        assert np.isfinite(found).all()
    measured = [_measured(problem) for problem in (clean, poisoned)]
    assert measured[0] == measured[1] and np.isfinite(measured[0])


def _measured(problem):
    params = problem.field.init(jax.random.key(1))
    found = problem.validation.score.full(params, problem.signals.get("validation", 0))
    return float(found[problem.validation.metric])


def test_the_halves_of_what_is_seen_are_disjoint_and_all_of_it():
    seen = Seen(np.arange(14.0, dtype=np.float32).reshape(7, 2), np.arange(7))
    tasks = [halves(seen, jax.random.key(number)) for number in range(2)]
    for task in tasks:
        assert len(task.support.places) == 3 and len(task.query.places) == 4
        assert sorted([*task.support.places.tolist(), *task.query.places.tolist()]) == [*range(7)]
        np.testing.assert_array_equal(task.support.values[:, 0], 2 * task.support.places)
    assert set(tasks[0].support.places.tolist()) != set(tasks[1].support.places.tolist())


def test_what_is_seen_of_a_signal_stays_the_same_wherever_it_comes_again():
    options = signals.ImageOptions(8)
    small = signals.make("sdf", options)._replace(sizes={"train": 3, "validation": 2, "test": 2})
    large = signals.make("text", options)._replace(sizes={"train": 9, "validation": 2, "test": 2})
    both = signals.mixed({"sdf": small, "text": large})
    places = scattered(64, 0.25, "pixels")
    part = partly_seen(both, lambda image, rng: (places(rng), image), SEED)
    chosen = {index: part.get("train", index)[0] for index in range(18)}
    for first in (0, 2, 4):  # of the curves, which come again after three
        np.testing.assert_array_equal(chosen[first], chosen[first + 6])
    assert len({tuple(chosen[index]) for index in (0, 1, 2, 3, 4, 5)}) == 6
    assert isinstance(part.get("test", 0), np.ndarray)


def test_gaps_leave_the_share_between_them():
    places = between_gaps(1000, 0.3, "samples", 10)
    found = np.sort(places(np.random.default_rng(0)))
    assert len(np.unique(found)) == 300
    gaps = np.count_nonzero(np.diff(found, append=found[0] + 1000) > 1)
    assert gaps == 10


@pytest.mark.parametrize("make", [scattered, lambda *given: between_gaps(*given, 3)])
def test_too_little_to_halve_is_refused(make):
    with pytest.raises(UserError, match="of 16 pixels are 1, and a training needs two halves"):
        make(16, 0.06, "pixels")


def test_slices_are_known_by_their_projections_alone():
    """Training holds [v, d] numbers of a slice, those that its scanner would measure."""
    from experiments.ct_reconstruction import EXPERIMENT
    from experiments.run.reading import config_of
    from metainr.measurements import detector_grid, project
    from metainr.numerics import Summation

    values = {**EXPERIMENT.defaults, "resolution": 16, "train_seen": 6, "seed": 3}
    problem = EXPERIMENT.build(config_of(EXPERIMENT, values), Summation())
    whole = signals.make("phantoms", signals.SliceOptions(16, 3))
    for split in ("train", "validation"):
        first, second = (problem.signals.get(split, index) for index in (0, 1))
        assert first.values.shape == (6, 16)
        expected = project(whole.get(split, 0)[..., 0], first.angles, detector_grid(16))
        np.testing.assert_allclose(first.values, expected, atol=1e-6)
        np.testing.assert_allclose(np.diff(np.sort(first.angles)), np.pi / 6, rtol=1e-5)
        assert set(first.angles.tolist()).isdisjoint(second.angles.tolist())
    task = problem.settings["views=2"].tuning.make_task(first, None)
    assert len(task.support.angles) == 2 and len(task.query.angles) == 4


def test_of_one_view_the_halves_are_sides_of_it():
    views = Views(
        *(np.zeros((1, *shape), np.float32) for shape in ((7, 9, 3), (3, 4), (3, 3), (2,))),
        windows=np.int32([[0, 0, 7, 9]]),
    )
    tasks = [first_half_of(views), *(halves_of(views, jax.random.key(i)) for i in range(8))]
    for task in tasks:
        covered = np.zeros((7, 9), int)
        for row, column, height, width in (task.support.windows[0], task.query.windows[0]):
            covered[row : row + height, column : column + width] += 1
        assert (covered == 1).all()
    assert len({tuple(task.support.windows[0].tolist()) for task in tasks}) == 4


def test_a_scan_sees_the_near_side_alone():
    rng = np.random.default_rng(0)
    sphere = rng.standard_normal((4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])
    seen = seen_from(0.5 * sphere, sphere, up)
    assert not seen[sphere[:, 2] <= 0].any() and seen[sphere[:, 2] > 0.8].all()
    shade = np.stack([*np.meshgrid(*[np.linspace(-0.9, 0.9, 80)] * 2), np.full((80, 80), 0.8)], -1)
    points = np.concatenate([0.5 * sphere, shade.reshape(-1, 3)])
    normals = np.concatenate([sphere, np.broadcast_to(up, (6400, 3))])
    assert not seen_from(points, normals, up)[:4000].any()


def test_fits_of_tests_are_measured_where_they_see_nothing():
    """The score of a field that is right where it sees is that of the other pixels."""
    field = siren(in_dim=2, out_dim=2, width=8, depth=2)
    whole = signals.of_arrays(WHOLE, test=WHOLE, validation=WHOLE)
    problem = of_grid(field, whole, (6, 8), (0, 1), 1, 1)
    setting = partial.tested_in_part(problem, 0.25, (6, 8), SEED).settings["default"]
    params = field.init(jax.random.key(0))
    shown = partial.tested_in_part(problem, 0.25, (6, 8), SEED).signals.get("test", 1)
    assert isinstance(shown, partial.Shown) and shown.seen.sum() == 12
    rendered = field.apply(
        params, jnp.stack(jnp.meshgrid(jnp.arange(6) / 6, jnp.arange(8) / 8, indexing="ij"), -1)
    )
    error = np.square(np.asarray(rendered) - shown.values).mean(-1)
    expected = -10 * np.log10(error[shown.seen == 0].mean())
    np.testing.assert_allclose(setting.score.full(params, shown)["psnr"], expected, rtol=1e-5)
    weights = setting.make_task(shown, jax.random.key(0)).support.weights
    np.testing.assert_array_equal(weights, shown.seen.reshape(-1))


def test_a_run_compares_inits_on_unseen_pixels(tmp_path):
    flags = ("--train_seen=0.2", "--test_seen=0.1", "--tune", "--num_validation=2")
    assert run_here(tmp_path, *flags, "--inits=standard,mean,meta") == 0
    caption = read_results(tmp_path)["settings"]["default"]["caption"]
    assert "Fits see 10 % of the pixels" in caption


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment, seen",
    [(ct_reconstruction, 4), (view_synthesis, 1), (view_synthesis, 2), (shapes, 1), (poisson, 0.3)],
)
def test_a_run_learns_from_parts(experiment, seen, tmp_path):
    name = experiment.EXPERIMENT.name
    own = (*TINY_OWN.get(name, ()), f"--train_seen={seen}", "--num_test=1", "--num_validation=1")
    own = tuple(flag for flag in own if not flag.startswith("--views_per_object"))
    arguments = (*own, "--tune", "--inits=standard,mean,meta")
    assert run_here(tmp_path, *arguments, experiment=experiment) == 0
    assert read_results(tmp_path)["settings"]


@pytest.mark.parametrize(
    "experiment, flags, expected",
    [
        (
            image_regression,
            ("--train_seen=1",),
            "--train_seen=1.0 is not possible; give a share of",
        ),
        (image_regression, ("--train_seen=0",), "a share of the pixels, between 0 and 1"),
        (image_regression, ("--train_seen=0.001",), "--train_seen=0.001 of 256 pixels are 0"),
        (image_regression, ("--test_seen=1.5",), "--test_seen=1.5 is not possible"),
        (ct_reconstruction, ("--train_seen=0.5",), "give a number of projections of each slice"),
        (view_synthesis, ("--train_seen=26",), "a number of views of each object, from 1 to 25"),
        (view_synthesis, ("--train_seen=3",), "are two numbers of views that training sees"),
        (shapes, ("--train_seen=1", "--shape_from=distance"), "give --shape_from=cloud"),
        (waves, ("--train_seen=0.5",), "--train_seen=0.5 has no meaning for waves"),
        (phototourism, ("--train_seen=2",), "--train_seen=2 has no meaning for phototourism"),
    ],
)
def test_parts_that_cannot_be_are_refused_in_one_line(experiment, flags, expected, tmp_path, capfd):
    own = TINY_OWN.get(experiment.EXPERIMENT.name, ())
    assert run_here(tmp_path / "run", *own, *flags, experiment=experiment) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and expected in lines[0], lines
    assert not (tmp_path / "run").exists()

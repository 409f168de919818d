"""Signed distance fields of solids from end to end, small: learned, alone, of a user's file."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import logging
from tiny_runs import run_here, steps

from experiments import shapes
from experiments.run.reading import config_of
from experiments.solids import shapes_pictures
from metainr.numerics import Summation
from metainr.reporting import read_results
from metainr.types import Field

TINY = (
    "--algorithm=reptile",
    "--inner_points=64",
    "--inner_steps=2",
    "--cloud_points=64",
    "--grid=12",
    "--export_resolution=16",
    "--num_test=1",
    "--num_validation=1",
)
METRICS = {"psnr", "chamfer", "normal_consistency"}


def _run(workdir, *arguments):
    return run_here(workdir, *TINY, *arguments, experiment=shapes)


def _inits(workdir):
    return read_results(workdir)["settings"]["default"]["inits"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("trained") / "run"
    assert _run(workdir) == 0
    return workdir


@pytest.fixture(scope="module")
def ball(tmp_path_factory):
    trimesh = pytest.importorskip("trimesh")
    path = tmp_path_factory.mktemp("mesh") / "ball.ply"
    shape = trimesh.creation.icosphere(3, radius=20.0)
    shape.apply_translation([100, 0, 0])
    shape.export(path)
    return path


@pytest.fixture
def refused(tmp_path, capfd):
    """Runs with flags that must be refused: the one line on stderr."""

    def run(*arguments):
        capfd.readouterr()
        assert _run(tmp_path / "run", *arguments) == 1
        lines = capfd.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), lines
        return lines[0]

    return run


def test_a_run_learns_measures_and_reports(trained):
    assert steps(trained) == [2]
    inits = _inits(trained)
    assert list(inits) == ["standard", "mean", "matched", "shuffled", "meta"]
    for entry in inits.values():
        assert METRICS <= entry["metrics"].keys()
        assert all(np.isfinite(entry["metrics"][name]["mean"][-1]) for name in METRICS)
    assert (trained / "report.html").stat().st_size > 1000


def test_a_learned_init_fits_a_users_mesh(trained, ball, tmp_path):
    assert _run(tmp_path / "run", f"--init={trained}", f"--mesh_file={ball}") == 0
    results = read_results(tmp_path / "run")
    assert results["signal"] == "mesh" and results["num_test"] == 1
    assert list(_inits(tmp_path / "run")) == ["standard", "matched", "shuffled", "meta"]


def test_distances_alone_give_the_users_mesh_back(ball, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    flags = ("--algorithm=none", "--shape_from=distance", f"--mesh_file={ball}", "--omega=5")
    flags += ("--first_omega=5", "--test_steps=150", "--inner_points=256", "--cloud_points=1024")
    assert _run(tmp_path / "run", *flags, "--baseline_learning_rate=5e-3") == 0
    metrics = _inits(tmp_path / "run")["standard"]["metrics"]
    assert metrics["chamfer"]["mean"][-1] < 0.1 < metrics["chamfer"]["mean"][0]
    (path,) = (tmp_path / "run" / "fits").rglob("*.ply")
    assert path.name == "000_ball_standard.ply"
    assert '"label": "ball.ply"' in (tmp_path / "run" / "report.html").read_text()
    mesh = trimesh.load(path)
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), [100, 0, 0], atol=2.0)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.25)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--mesh_file=/nowhere.ply --algorithm=none", "/nowhere.ply: No such file"),
        ("--mesh_file=/nowhere.ply", "is one solid, of which no init can be learned"),
        ("--mesh_file=/nowhere.ply --algorithm=none --tune", "--tune needs more solids"),
        ("--mesh_file=a --mesh_folder=b", "both name the solids"),
        ("--mesh_folder=/nowhere", "--mesh_folder=/nowhere does not exist"),
        ("--inner_points=0", "--inner_points=0 is too few"),
        ("--signal=animal", "did you mean animals"),
    ],
)
def test_mistakes(refused, arguments, expected):
    assert expected in refused(*arguments.split())


def test_without_trimesh_nothing_is_begun(tmp_path, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    assert "pip install 'metainr[scenes]'" in refused()
    assert not (tmp_path / "run").exists()


def _problem(trained, **own):
    """That of a run, with other values of some flags."""
    recorded = json.loads((trained / "config.json").read_text())["flags"]
    return shapes.build(config_of(shapes.EXPERIMENT, recorded | own), Summation())


@pytest.mark.parametrize("measured", [None, 32, 300])
def test_fits_see_as_many_points_however_many_measure_them(trained, measured):
    problem = _problem(trained, measured_points=measured)
    for split, num in (("train", 64), ("test", max(64, measured or 0))):
        cloud = problem.signals.get(split, 0)
        assert len(cloud.points) == num and len(cloud.coords) == 2 * num
        seen = problem.make_task(cloud, jax.random.key(0)).support
        assert [len(leaf) for leaf in seen] == 4 * [64]
        unseen = {tuple(coord) for coord in cloud.coords[num:].tolist()}
        assert not unseen & {tuple(coord) for coord in np.asarray(seen.coords).tolist()}


def test_a_file_measured_by_more_points_is_read_once(trained, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    points = np.random.default_rng(0).standard_normal((300, 3))
    path = tmp_path / "cloud.xyz"
    np.savetxt(path, points / np.linalg.norm(points, axis=1, keepdims=True))
    problem = _problem(trained, signal="mesh", mesh_file=str(path), measured_points=200)
    assert len(problem.signals.get("test", 0).points) == 200
    assert len(said) == 1 and "has no normals" in said[0]


def _ball_distance(coords):
    return jnp.linalg.norm(coords - jnp.array([[0.0, 0.0, 0.3]]), axis=1) - 0.5


def test_the_picture_of_a_ball():
    picture = np.asarray(shapes_pictures.shaded(_ball_distance, 64))
    assert picture.shape == (64, 64, 3) and 0 <= picture.min() and picture.max() == 1
    seen = (picture < 1).any(axis=-1)
    assert seen.sum() == pytest.approx(np.pi * (0.5 * 64 / 2.4) ** 2, rel=0.03)
    rows, columns = np.argwhere(seen).mean(axis=0)
    assert columns == pytest.approx(31.5, abs=0.6) and rows < 27  # z is up
    assert picture[20:30, 32].mean() > picture[31:, 32][seen[31:, 32]].mean()  # lit from above


def test_nothing_and_everything_are_pictures_too():
    empty = np.asarray(shapes_pictures.shaded(lambda coords: 1 + 0 * coords[:, 0], 8))
    np.testing.assert_array_equal(empty, 1)
    full = np.asarray(shapes_pictures.shaded(lambda coords: 0 * coords[:, 0] - 1, 8))
    assert np.isfinite(full).all()


def test_distances_are_asked_for_in_equal_slabs(monkeypatch):
    monkeypatch.setattr(shapes_pictures, "_SLAB", 7)
    field = Field(lambda key: None, lambda params, coords: coords @ jnp.ones((3, 1)))
    coords = np.random.default_rng(0).uniform(size=(30, 3)).astype(np.float32)
    found = shapes_pictures.distances_at(field, None, coords)
    np.testing.assert_allclose(found, coords.sum(axis=1), rtol=1e-6)

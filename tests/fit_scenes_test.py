"""`experiments.fit_object` and `experiments.fit_landmark` from the inits of tiny runs."""

import json
import subprocess
import sys

import imageio.v2 as imageio
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trimesh
from safetensors import safe_open
from safetensors.numpy import save_file
from scene_files import write_scene
from tiny_runs import ROOT, learn_here

from experiments import phototourism, view_synthesis
from metainr.evaluation.pieces import fit_in_pieces
from metainr.measurements import value
from metainr.objectives import Samples, all_points, random_points, squared_error
from metainr.reporting.results import metric_at
from metainr.runs import fits
from metainr.runs.inits import plain_init
from metainr.runs.options import Machine
from metainr.types import Field, Hyper, Term

OBJECTS = ("--fit_views=1", "--held_out_views=2", "--resolution=12")
TINY = (
    *("--ray_samples=8", "--inner_points=16", "--test_steps=2", "--chunk_size=1024"),
    *("--train_steps=1", "--inner_steps=2", "--num_validation=2"),
)
MADE = {
    *("comparison.png", "turntable.gif", "views", "viewer.html"),
    *("weights.safetensors", "results.json", "report.html"),
}


@pytest.fixture(scope="module")
def inits(tmp_path_factory):
    """A workdir of each experiment, trained for a step."""
    folder = tmp_path_factory.mktemp("inits")
    cars = ("--signal=cars", "--test_schedule=cosine", *OBJECTS)
    learn_here(folder / "objects", *TINY, *cars, experiment=view_synthesis)
    learn_here(folder / "landmark", *TINY, "--resolution=12", experiment=phototourism)
    return folder


@pytest.mark.parametrize(
    "schedule, expected",
    [
        ("constant", 0.9 * 0.9 * 0.9 * 0.9),
        ("cosine", 0.9 * (1 - 0.0853553) * 0.95 * (1 - 0.0146447)),
    ],
)
def test_the_rate_follows_the_schedule(schedule, expected):
    """Of θ², whose slope is 2 θ."""
    field = Field(lambda key: jnp.ones((1, 1)), lambda theta, x: x @ theta)
    objective = (Term(all_points(np.ones((1, 1), np.float32)), value(), squared_error),)
    init = plain_init(jnp.ones((1, 1)), Hyper("sgd", 0.05))
    inits = {"one": init}
    contenders = fits.make_contenders(inits, field, objective, Machine(), schedule, 4)
    support = Samples(jnp.zeros((1, 1)), jnp.ones(1))
    found = fits.fit(contenders, [support], jax.random.key(0), 4)
    np.testing.assert_allclose(found["one"], [[[expected]]], rtol=1e-6)


def test_a_fit_in_pieces_is_the_fit():
    field = Field(lambda key: jnp.ones((1, 1)), lambda theta, x: x @ theta)
    coords = np.ones((3, 1), np.float32)
    objective = (Term(random_points(coords, 1), value(), squared_error),)
    init, key = plain_init(jnp.ones((1, 1)), Hyper("adam", 0.05)), jax.random.key(3)
    contenders = fits.make_contenders({"one": init}, field, objective, Machine(), "cosine", 5)
    support = Samples(jnp.arange(3.0)[:, None], jnp.ones(3))
    [whole] = fits.fit(contenders, [support], key, 5)["one"]
    steps, params = zip(*fit_in_pieces(contenders["one"], support, key, 5, 2))
    assert steps == (2, 4, 5)
    np.testing.assert_array_equal(params[-1], whole)


def _run(binary, *arguments):
    command = [sys.executable, "-m", f"experiments.{binary}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


@pytest.mark.slow
def test_an_object_is_shown_from_all_sides(inits, tmp_path):
    done = _run(
        *("fit_object", f"--init={inits / 'objects'}", f"--output_dir={tmp_path}", "--object=3"),
        *("--steps=3", "--frames=3", "--side=10", "--mesh_resolution=12", "--threshold=0.5"),
    )
    assert done.returncode == 0, done.stderr
    assert MADE | {"mesh.ply"} == {path.name for path in tmp_path.iterdir()}
    assert imageio.mimread(tmp_path / "turntable.gif")[0].shape[:2] == (10, 10)
    assert len(trimesh.load(tmp_path / "mesh.ply").vertices) > 0
    results = json.loads((tmp_path / "results.json").read_text())
    recorded = {"signal": "cars", "test_steps": 2, "test_schedule": "cosine"}  # of the run
    assert recorded.items() <= results["config"].items()
    for init in ("standard", "meta"):
        psnr, _ = metric_at(results["settings"]["default"], init, "psnr", step=3)
        assert f"{init} {psnr:.2f} dB" in done.stdout


@pytest.mark.slow
def test_an_object_without_a_surface_has_no_mesh(inits, tmp_path):
    done = _run(
        *("fit_object", f"--init={inits / 'objects'}", f"--output_dir={tmp_path}", "--steps=1"),
        *("--frames=1", "--side=4", "--mesh_resolution=8", "--threshold=1e6"),
    )
    assert done.returncode == 0, done.stderr
    assert "no mesh: no surface at the density 1e+06" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == MADE


@pytest.mark.slow
def test_three_photographs_need_no_init(tmp_path):
    write_scene(tmp_path / "scene", num=3)
    done = _run(
        *("fit_object", "--flagfile=view_synthesis/alone", f"--object={tmp_path / 'scene'}"),
        *("--resolution=8", "--width=16", "--depth=2", "--ray_samples=8", "--steps=3"),
        *("--auto_scale", "--camera_path=spiral", "--frames=2", "--side=10"),
        *("--mesh_resolution=12", "--threshold=0.5", f"--output_dir={tmp_path / 'out'}"),
    )
    assert done.returncode == 0, done.stderr
    assert MADE | {"mesh.ply"} == {path.name for path in (tmp_path / "out").iterdir()}
    assert "Fitted to 3 photographs\n" in done.stdout and "--auto_scale: the" in done.stdout
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["config"]["seen_views"] == 3 and "settings" not in results


@pytest.mark.slow
def test_photos_are_shown_in_each_others_light(inits, tmp_path):
    done = _run(
        *("fit_landmark", f"--init={inits / 'landmark'}", f"--output_dir={tmp_path}"),
        *("--photos=0,2", "--steps=2", "--frames=3"),
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "transfer.png",
        "change.gif",
        "results.json",
    }
    frames = imageio.mimread(tmp_path / "change.gif")
    assert [frame.shape[:2] for frame in frames] == 3 * [(9, 7)]  # of the portrait, unpadded
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["config"]["photos"] == [0, 2] and "workdir" not in results["config"]
    assert results["dead"] == []


@pytest.mark.slow
def test_fits_of_photos_that_died_are_named(inits, tmp_path):
    """Of weights that are zero only the last bias has a gradient: photos of one colour."""
    with safe_open(inits / "landmark" / "init.safetensors", "numpy") as file:
        blank = {name: np.zeros_like(file.get_tensor(name)) for name in file.keys()}
        save_file(blank, tmp_path / "blank.safetensors", file.metadata())
    done = _run(
        *("fit_landmark", f"--init={tmp_path / 'blank.safetensors'}", "--photos=0,2"),
        *(f"--output_dir={tmp_path / 'out'}", "--steps=2", "--frames=2"),
    )
    assert done.returncode == 0, done.stderr
    assert "same values everywhere (photo 0 by sgd 1, photo 2 by sgd 1)" in done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["dead"] == ["photo 0", "photo 2"]


@pytest.mark.parametrize(
    ("binary", "arguments", "expected"),
    [
        ("fit_object", ("--object=1000",), "--object=1000 is not among the 1000 test objects"),
        ("fit_landmark", ("--photos=1",), "--photos=1 must be two or more of the 1000 test"),
        *(
            pytest.param(*mistake, marks=pytest.mark.slow)  # a process each
            for mistake in (
                ("fit_object", ("--object=/nowhere",), "--object=/nowhere is neither"),
                ("fit_object", ("--init=/nowhere",), "/nowhere does not exist"),
                ("fit_object", ("--seen_views=26",), "--seen_views=26 is more than the 25"),
                ("fit_object", ("--init=",), "--init, a workdir of experiments.view_synthesis"),
                ("fit_object", ("--init=", "--output_dir="), "--output_dir, the folder to write"),
                ("fit_landmark", ("--photos=1,x",), "--photos=1,x is not possible"),
                ("fit_landmark", ("--photos=0,0",), "--photos=0,0 must be"),
            )
        ),
    ],
)
def test_mistakes(inits, tmp_path, binary, arguments, expected):
    init = inits / {"fit_object": "objects", "fit_landmark": "landmark"}[binary]
    done = _run(binary, f"--init={init}", f"--output_dir={tmp_path / 'out'}", *arguments)
    assert done.returncode == 1 and expected in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_is_not_of_a_photo_is_white():
    shown = phototourism.on_white(jnp.full((2, 2, 3), 0.25), jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(shown[..., 2], [[0.25, 1], [1, 0.25]])

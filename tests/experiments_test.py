"""CT reconstruction, view synthesis and landmarks: runs that go on, and mistakes in one line."""

import json

import numpy as np
import pytest
from tiny_runs import TINY_OWN, run_here, steps

from experiments import ct_reconstruction, phototourism, view_synthesis
from metainr import signals
from metainr.measurements import covering_fan, detector_grid, project
from metainr.media import read_image
from metainr.reporting import read_results

EXPERIMENTS = {
    "ct_reconstruction": ct_reconstruction,
    "view_synthesis": view_synthesis,
    "phototourism": phototourism,
}
TRAINED = ("--checkpoint_every=2", "--num_test=1", "--num_validation=1")
ANGLES = "0:180:6deg"
SIDE = 16


def _run(name, workdir, *arguments):
    own = (*TINY_OWN[name], *TRAINED)
    return run_here(workdir, *own, *arguments, experiment=EXPERIMENTS[name])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Name -> the workdir of a finished run of two steps, made when it is asked for."""
    root, made = tmp_path_factory.mktemp("trained"), {}

    def run(name):
        if name not in made:
            made[name] = root / name
            assert _run(name, made[name]) == 0
        return made[name]

    return run


@pytest.fixture(scope="module")
def sinogram(tmp_path_factory):
    """A file of a phantom's line integrals [6, 16], lengths counting in detectors."""
    phantom = signals.make("phantoms", signals.SliceOptions(SIDE)).get("test", 0)[..., 0]
    angles = np.linspace(0, np.pi, 6, endpoint=False)
    path = tmp_path_factory.mktemp("sinogram") / "scan.npy"
    np.save(path, SIDE * np.asarray(project(phantom, angles, detector_grid(SIDE))))
    return path


@pytest.fixture
def refused(tmp_path, capfd):
    """Runs with flags that must be refused, leaving nothing behind: the one line on stderr."""

    def run(name, *arguments):
        capfd.readouterr()
        assert _run(name, tmp_path / "run", *arguments) == 1
        lines = capfd.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        assert not (tmp_path / "run").exists()
        return lines[0]

    return run


@pytest.mark.parametrize(
    "name",
    [
        "ct_reconstruction",
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("view_synthesis", "phototourism")),
    ],
)
def test_a_run_reports(name, trained):
    workdir = trained(name)
    assert steps(workdir) == [2]
    results = json.loads((workdir / "results.json").read_text())
    assert results["experiment"] == name and results["train_steps"] == 2
    assert (workdir / "report.html").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_goes_on(name, trained):
    workdir = trained(name)
    first = workdir / "checkpoints" / "2"
    written = first.stat().st_mtime_ns
    (workdir / "report.html").unlink()
    assert _run(name, workdir, "--train_steps=4") == 0
    assert steps(workdir) == [2, 4] and first.stat().st_mtime_ns == written
    results = json.loads((workdir / "results.json").read_text())
    assert results["experiment"] == name and results["train_steps"] == 4
    assert (workdir / "report.html").stat().st_size > 1000


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("ct_reconstruction", "--views=2,x", "--views=2,x is not possible; give a whole number"),
        ("ct_reconstruction", "--views=1,2 --view_steps=5", "--view_steps=5 do not belong"),
        ("ct_reconstruction", "--window=5", "--window=5 is not possible; give a number"),
        ("ct_reconstruction", "--slices=/nowhere", "/nowhere"),
        ("view_synthesis", "--fit_views=30", "--fit_views=30"),
        ("view_synthesis", "--near=6 --far=2", "--near=6.0 is not below --far=2.0"),
        ("view_synthesis", "--inner_points=0", "--inner_points=0 draws no rays"),
        ("view_synthesis", "--signal=chair", "'chair': did you mean chairs or cars?"),
        ("view_synthesis", "--object_folder=/nowhere --signal=shapenet", "/nowhere"),
        ("phototourism", "--photo_folder=/nowhere", "/nowhere"),
        ("phototourism", "--near_factor=2 --far_factor=1", "--near_factor=2.0 is not below"),
        ("view_synthesis", "--object_folder=here", "is not read by --signal=chairs"),
        ("phototourism", "--scene_scale=0", "--scene_scale=0 is not possible; give a number"),
        ("phototourism", "--inner_points=0", "--inner_points=0 draws no rays"),
    ],
)
def test_mistakes(refused, name, arguments, expected):
    assert expected in refused(name, *arguments.split())


@pytest.mark.slow
def test_an_init_of_another_experiment(refused, trained):
    workdir = trained("phototourism")
    for name in ("ct_reconstruction", "view_synthesis"):
        line = refused(name, f"--init={workdir}")
        assert f"was learned by experiments.phototourism, not {name}" in line


def test_measured_projections_are_reconstructed(trained, sinogram, tmp_path, capfd):
    flags = (f"--init={trained('ct_reconstruction')}", f"--sinogram={sinogram}")
    own = (f"--angles={ANGLES}", "--white=2")
    assert _run("ct_reconstruction", tmp_path / "run", *flags, *own) == 0
    lines = capfd.readouterr().out
    assert "6 views by 16 detectors, parallel rays, angles from 0 to 150 degrees" in lines
    assert "values are attenuation per unit of length: in the pictures black is 0" in lines
    image = np.load(tmp_path / "run" / "reconstruction.npy")
    assert image.shape == (SIDE, SIDE)
    white = read_image(tmp_path / "run" / "reconstruction.png")[..., 0]
    np.testing.assert_allclose(image, 2 * white, atol=1e-4)
    results = read_results(tmp_path / "run" / "reconstruction.json")
    inits = results["settings"]["default"]["inits"]
    assert inits.keys() == {"meta", "standard", "FBP", "SART"}
    # So that lengths and angles are as the file has them.
    assert inits["SART"]["metrics"]["projection_error"]["mean"][0] < 1e-3
    for name in ("reconstruction.png", "comparison.png"):
        assert (tmp_path / "run" / name).stat().st_size > 100


def test_stacks_of_a_fan_become_a_volume(trained, tmp_path, capfd):
    nibabel = pytest.importorskip("nibabel")
    phantoms = signals.make("phantoms", signals.SliceOptions(SIDE))
    slices = [phantoms.get("test", index)[..., 0] for index in range(2)]
    angles, fan = np.linspace(0, 2 * np.pi, 72, endpoint=False), covering_fan(SIDE, 1.5)
    # A fan that covers the circle of a square whose side is 8, by a row through its centre.
    width = 2 * 12 * np.tan(np.arcsin(0.5 / 1.5)) / SIDE
    np.save(tmp_path / "scan.npy", [8 * 0.02 * project(image, angles, fan) for image in slices])
    own = (
        *(f"--init={trained('ct_reconstruction')}", f"--sinogram={tmp_path / 'scan.npy'}"),
        *("--angles=0:360:72deg", "--geometry=fan", "--source_distance=12"),
        *("--detector_distance=0", f"--spacing={width}", "--white=0.02", "--water=0.01"),
        *("--output_format=nifti", "--slice_distance=3"),
    )
    assert _run("ct_reconstruction", tmp_path / "run", *own) == 0
    lines = capfd.readouterr().out
    assert "2 slices, each of 72 views by 16 detectors, fan rays" in lines
    assert "values are HU: in the pictures black is -1000 and white 1000" in lines
    values = np.load(tmp_path / "run" / "reconstruction.npy")
    volume = nibabel.load(tmp_path / "run" / "reconstruction.nii.gz")
    np.testing.assert_array_equal(volume.get_fdata(), values.T)
    np.testing.assert_allclose(volume.header.get_zooms(), [0.5, 0.5, 3], rtol=1e-5)
    results = read_results(tmp_path / "run" / "reconstruction.json")
    assert (results["unit"], results["slices"]) == ("HU", 2)
    found = results["settings"]["default"]["inits"]["SART"]["metrics"]["projection_error"]
    assert np.shape(found["per_signal"]) == (2, 1) and found["mean"][0] < 1e-3


def test_mistakes_about_measured_projections(refused, trained, sinogram):
    name, scan = "ct_reconstruction", f"--sinogram={sinogram}"
    assert "--sinogram needs --init" in refused(name, scan, f"--angles={ANGLES}")
    init = f"--init={trained(name)}"
    line = refused(name, init, scan, f"--angles={ANGLES}", "--geometry=fan")
    assert "--geometry=fan has a source and detectors; give --source_distance" in line
    line = refused(name, init, scan, f"--angles={ANGLES}", "--like=/nowhere.dcm")
    assert "cannot read slices /nowhere.dcm" in line
    assert "inside the circle" in refused(name, "--geometry=fan", "--source_distance=0.4")
    assert "give --source_distance" in refused(name, "--geometry=fan")
    assert "6 views but there are 5 angles" in refused(name, init, scan, "--angles=0:180:5deg")
    assert "give --angles" in refused(name, init, scan)
    line = refused(name, init, "--sinogram=/nowhere.npy", f"--angles={ANGLES}")
    assert "cannot read sinogram /nowhere.npy: No such file" in line


@pytest.mark.slow
def test_inits_of_other_runs_take_part(trained, tmp_path):
    name = "view_synthesis"
    assert _run(name, tmp_path / "run", f"--rivals=other={trained(name)}", "--seed=1") == 0
    inits = read_results(tmp_path / "run")["settings"]["default"]["inits"]
    again = read_results(trained(name))["settings"]["default"]["inits"]
    assert list(inits)[:6] == ["standard", "mean", "matched", "shuffled", "meta", "other"]
    assert inits["other"]["optimizer"] == again["meta"]["optimizer"]
    assert inits["other"]["metrics"] != inits["meta"]["metrics"]


@pytest.mark.parametrize(
    ("rival", "expected"),
    [
        ("meta={}", "is not NAME=WORKDIR with a new name"),
        ("<b>={}", "is not NAME=WORKDIR with a new name of at most 40 letters"),
        ("a/b={}", "is not NAME=WORKDIR with a new name"),
        ("other={},x", "commas part several"),
        ("other", "is not NAME=WORKDIR with a new name"),
        ("other=/nowhere", "/nowhere"),
    ],
)
def test_rivals_that_cannot_be(refused, trained, rival, expected):
    name = "ct_reconstruction"
    assert expected in refused(name, f"--rivals={rival.format(trained(name))}")


def test_rivals_of_another_network(refused, trained):
    name = "ct_reconstruction"
    line = refused(name, f"--rivals=other={trained(name)}", "--width=8")
    assert "was learned with --width=16" in line and "this run has 8" in line

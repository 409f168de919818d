"""What algorithms learn goes wherever weights go: to tests, by --init and --rivals, to fits."""

import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from tiny_fits import saved, smooth
from tiny_runs import run_here, state

from experiments import fit
from metainr.reporting import read_results
from metainr.weights import load_weights

OWN = {
    "modulations": ("--modulations_latent=8", "--inner_learning_rate=0.1"),
    "meta_sgd": ("--meta_sgd_per_weight",),
}
TRAINED = ("--num_test=1", "--num_validation=1", "--outer_learning_rate=1e-3")
NAMES = pytest.mark.parametrize(
    "name", ["modulations", pytest.param("meta_sgd", marks=pytest.mark.slow)]
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Name -> the workdir of a finished run of two steps, made when it is asked for."""
    root = tmp_path_factory.mktemp("trained")

    def run(name):
        if not (root / name).exists():
            assert run_here(root / name, *TRAINED, f"--algorithm={name}", *OWN[name]) == 0
        return root / name

    return run


def _inits(workdir):
    return read_results(workdir)["settings"]["default"]["inits"]


def _psnr(entry):
    return np.asarray(entry["metrics"]["psnr"]["per_signal"], float)


@NAMES
def test_a_run_learns_more_than_weights_and_compares(name, trained):
    learned = state(trained(name), 2)
    sizes = [leaf for path, leaf in learned.items() if path.startswith("/meta_params/log_rates")]
    assert sizes and all(leaf.any() for leaf in sizes)  # they were zeros
    inits = _inits(trained(name))
    assert list(inits) == ["standard", "mean", "matched", "shuffled", "meta"]
    for entry in inits.values():
        assert np.isfinite(_psnr(entry)).all()
    # A step from what was learned is by its own loop, and a gain.
    assert (np.diff(_psnr(inits["meta"])) > 0).all()


@pytest.mark.slow
@NAMES
def test_it_is_tested_alike_as_an_init_and_as_a_rival(name, trained, tmp_path):
    expected = _psnr(_inits(trained(name))["meta"])
    assert run_here(tmp_path / "init", *TRAINED, f"--init={trained(name)}") == 0
    np.testing.assert_allclose(_psnr(_inits(tmp_path / "init")["meta"]), expected, atol=1e-4)
    rival = f"--rivals=other={trained(name)}"
    assert run_here(tmp_path / "rival", *TRAINED, rival, "--train_steps=1") == 0
    inits = _inits(tmp_path / "rival")
    np.testing.assert_allclose(_psnr(inits["other"]), expected, atol=1e-4)
    assert (_psnr(inits["meta"]) != expected).any()


def test_an_option_that_contradicts_an_init_is_refused(trained, tmp_path, capfd):
    init = f"--init={trained('modulations')}"
    assert run_here(tmp_path / "run", init, "--modulations_latent=4") == 1
    line = capfd.readouterr().err.strip()
    assert line.startswith("error: --modulations_latent=4 contradicts --init=")
    assert "--modulations_latent=8" in line and not (tmp_path / "run").exists()


@NAMES
def test_a_picture_is_fitted_by_its_loop(name, trained, tmp_path):
    picture = saved(tmp_path / "picture.png", smooth(16, 16))
    given = [f"--init={trained(name)}", f"--input={picture}", f"--output_dir={tmp_path / 'out'}"]
    with flagsaver.flagsaver():
        flags.FLAGS(["fit", *given, "--steps=3"])
        fit.main()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    curve = results["settings"]["default"]["inits"]["meta"]["metrics"]["psnr"]["mean"]
    assert len(curve) == 4 and (np.diff(curve) > 0).all()
    weights = load_weights(next((tmp_path / "out").rglob("*.safetensors")))
    assert weights.keys() == {"dense_0", "dense_1"}  # the fitted field's
    learned = state(trained(name), 2)
    shared = "shared" if name == "modulations" else "init"
    kernel = learned[f"/meta_params/{shared}/dense_0/kernel"]
    assert np.array_equal(weights["dense_0"]["kernel"], kernel) == (name == "modulations")

"""The transfer binary on two tiny runs, against a fit written out by hand."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import ROOT, learn_here, run_here

from experiments import transfer
from metainr import fields, signals
from metainr.objectives import pixel_grid
from metainr.training.checkpoints import load_meta_params


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name in ("sdf", "text"):
        learn_here(root / name, "--depth=3", "--test_steps=2", f"--signal={name}")
    return root


def _psnr_by_hand(workdir, test_class, index, steps):
    params, _ = load_meta_params(workdir)
    field = fields.make("siren", fields.FieldOptions(width=16, depth=3))
    options = signals.ImageOptions(resolution=16)
    image = signals.make(test_class, options).get("test", index).reshape(-1, 3)

    def loss(params):
        return jnp.mean((field.apply(params, pixel_grid((16, 16))) - image) ** 2)

    for _ in range(steps):
        params = jax.tree.map(lambda p, g: p - 1e-2 * g, params, jax.grad(loss)(params))
    return -10 * np.log10(loss(params))


def test_every_entry_is_the_mean_of_fits_from_the_row_on_the_column(runs):
    workdirs = f"--workdirs={runs / 'sdf'},{runs / 'text'}"
    assert run_here(runs / "matrix", workdirs, "--num_test=2", experiment=transfer) == 0
    found = json.loads((runs / "matrix" / "transfer.json").read_text())
    assert found["rows"] == ["sdf", "text"] and found["columns"] == ["sdf", "text", "photos"]
    for row, name in enumerate(found["rows"]):
        for column, test_class in enumerate(found["columns"]):
            values = [_psnr_by_hand(runs / name, test_class, i, 2) for i in range(2)]
            np.testing.assert_allclose(found["mean"][row][column], np.mean(values), atol=1e-3)
    assert (runs / "matrix" / "report.html").exists()
    assert (runs / "matrix" / "figures" / "transfer.png").exists()


@pytest.mark.parametrize(
    "arguments,words",
    [
        ([], "--workdirs"),
        (["--workdirs=/nowhere/at/all"], "/nowhere/at/all"),
        (["--workdirs=SDF", "--signals=sdff"], "did you mean sdf"),
        (["--workdirs=SDF", "stray"], "'stray' is not a flag"),
    ],
)
def test_mistakes_get_one_line(runs, capfd, arguments, words):
    arguments = [argument.replace("SDF", str(runs / "sdf")) for argument in arguments]
    assert run_here(runs / "none", *arguments, experiment=transfer) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and words in line
    assert not (runs / "none").exists()


@pytest.mark.slow
def test_runs_of_other_resolutions_do_not_compare(runs):
    other = runs / "other"
    learn_here(other, "--depth=3", "--resolution=12")
    command = [sys.executable, "-m", "experiments.transfer", f"--workdir={runs / 'none'}"]
    workdirs = f"--workdirs={runs / 'sdf'},{other}"
    done = subprocess.run([*command, workdirs], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "--resolution" in done.stderr

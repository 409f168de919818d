"""Inits that come with the library are read by name, and say where they come from."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tiny_runs import ROOT

import metainr
from metainr.console import flagfiles, listing
from metainr.errors import UserError
from metainr.ready import ABOUT, PREFIX, ready_files
from metainr.ready.pack import pack
from metainr.weights import load_metadata, load_weights, save_weights


@pytest.mark.parametrize("name", ready_files())
def test_each_is_read_and_says_how_it_was_learned(name):
    path = ready_files()[name]
    assert path.stat().st_size <= 1e6 and PREFIX + name in listing()
    run = metainr.load(PREFIX + name)
    program, stem = json.loads(load_metadata(path)[ABOUT])["flagfile"].split("/")
    assert run.record["experiment"] == program and stem in flagfiles(program)
    assert run.record["workdir"] == ""


def test_coordinates_that_weights_do_not_tell_are_known_or_asked_for(tmp_path):
    run, zeros = metainr.load("ready:phantoms48"), np.zeros((4, 4), np.float32)
    assert run.record["field"] == "fourier"
    assert run.field.apply(run.init.meta_params, np.zeros((3, 2), np.float32)).shape == (3, 1)
    assert metainr.load("ready:phantoms48", shape=(4, 4)).fit(zeros, steps=1).shape == (4, 4)
    with pytest.raises(UserError, match="does not take 3 coordinates"):
        metainr.load("ready:phantoms48", shape=(4, 4, 4))
    run._replace(record={**run.record, "experiment": "nobody known"}).save(tmp_path / "bare.npz")
    with pytest.raises(UserError, match="its weights fit 1, 2, 3, 4; give shape="):
        metainr.load(tmp_path / "bare.npz")
    assert metainr.load(tmp_path / "bare.npz", shape=(4, 4)).fit(zeros, steps=1).shape == (4, 4)


def test_an_unknown_name_is_told():
    with pytest.raises(UserError, match=r"unknown ready init 'sdf46': did you mean sdf64\?"):
        metainr.load("ready:sdf46")


def test_all_are_small():
    assert 0 < sum(path.stat().st_size for path in ready_files().values()) <= 5e6


def test_a_run_is_packed_without_its_folder(tmp_path):
    weights, path = {"dense_0": {"bias": np.ones(3, np.float32)}}, tmp_path / "curves.safetensors"
    record = {"workdir": str(tmp_path), "seed": 3}
    save_weights(tmp_path / "init.safetensors", weights, {"flags": json.dumps(record)})
    psnr = {"mean": [10.0, 20.0], "stderr": [0.0, 0.0]}
    setting = {"steps": [0, 2], "metric": "psnr", "inits": {"meta": {"metrics": {"psnr": psnr}}}}
    told = dict.fromkeys(("metainr", "git_revision", "date"), "")
    results = {"environment": told, "num_test": 4, "settings": {"default": setting}}
    (tmp_path / "results.json").write_text(json.dumps(results))
    pack(tmp_path, path, "image_regression/quickstart")
    texts = load_metadata(path)
    assert json.loads(texts["flags"])["seed"] == 3 and str(tmp_path) not in texts["flags"]
    scores = json.loads(texts[ABOUT])["scores"]["default"]
    assert scores == {"metric": "psnr", "steps": [0, 2], "mean": [10.0, 20.0]}
    assert load_weights(path)["dense_0"]["bias"].tolist() == [1, 1, 1]


@pytest.mark.slow
def test_the_demo_fits_two_curves(tmp_path):
    command = [
        sys.executable,
        "-m",
        "experiments.demo",
        "--noopen",
        f"--workdir={tmp_path / 'run'}",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    setting = json.loads((tmp_path / "run/results.json").read_text())["settings"]["default"]
    assert list(setting["inits"]) == ["standard", "meta"]
    assert setting["inits"]["meta"]["metrics"]["psnr"]["mean"][2] > 45
    assert (tmp_path / "run/report.html").exists()
